/* What a Feed can be asked: instruments, counters, gaps, how the lines differ, what to request. */
#include "py/py_feed.h"

#include <errno.h>
#include <string.h>

static PyObject *raise_no_lines(void)
{
    PyErr_SetString(PyExc_ValueError, "a feed of one line without arbitration has no lines to ask");
    return NULL;
}

/* --- instruments ------------------------------------------------------------------------------ */

static PyObject *feed_symbols(PyObject *op, PyObject *unused)
{
    struct rl_feed *f = feed_idle(op);
    PyObject *list = f ? PyList_New(0) : NULL;

    (void)unused;
    for (uint32_t i = 0; list && i < f->n_instruments; i++) {
        const char *symbol = rl_feed_symbol(f, i);
        PyObject *text = PyUnicode_DecodeLatin1(symbol, (Py_ssize_t)strlen(symbol), NULL);

        if (!text || PyList_Append(list, text) < 0)
            Py_CLEAR(list);
        Py_XDECREF(text);
    }
    return list;
}

static PyObject *feed_name(PyObject *op, PyObject *args)
{
    struct rl_feed *f = feed_idle(op);
    unsigned int key;
    const char *symbol;

    if (!f || !PyArg_ParseTuple(args, "Is:name", &key, &symbol))
        return NULL;
    switch (rl_feed_name(f, key, symbol)) {
    case 0:
        Py_RETURN_NONE;
    case -ENOSPC:
        return PyErr_Format(PyExc_ValueError, "symbol: no room for '%s': raise n_instruments",
                            symbol);
    default:
        return PyErr_Format(PyExc_ValueError,
                            "symbol: '%s' is empty or longer than %d, or its key %u beyond 16 bits",
                            symbol, RL_FEED_SYMBOL - 1, key);
    }
}

static PyObject *feed_is_synced(PyObject *op, PyObject *args)
{
    struct rl_feed *f = feed_idle(op);
    unsigned int instrument;

    if (!f || !PyArg_ParseTuple(args, "I:is_synced", &instrument))
        return NULL;
    return PyBool_FromLong(rl_feed_is_synced(f, instrument));
}

/* --- what was seen ---------------------------------------------------------------------------- */

static const char *const feed_names[] = {
#define X(name, text) #name,
    RL_FEED_COUNTERS(X)
#undef X
};
static const char *const lines_names[] = {
#define X(name, text) #name,
    RL_LINES_COUNTERS(X)
#undef X
};
static const char *const line_names[] = {
#define X(name, text) #name,
    RL_LINE_COUNTERS(X)
#undef X
};

static PyObject *feed_counters(PyObject *op, PyObject *unused)
{
    struct rl_feed *f = feed_idle(op);
    PyObject *dict;

    (void)unused;
    if (!f)
        return NULL;
    dict = PyDict_New();
    if (!dict ||
        core_put(dict, "feed",
                 core_counters(feed_names, (const uint64_t *)&f->n, RL_COUNT(feed_names))) < 0)
        goto fail;
    if (!f->lines)
        return dict;
    if (core_put(
            dict, "lines",
            core_counters(lines_names, (const uint64_t *)&f->lines->n, RL_COUNT(lines_names))) < 0)
        goto fail;
    for (uint32_t i = 0; i <= RL_LINES_MAX; i++) {
        char name[] = {'l', 'i', 'n', 'e', ' ', (char)('0' + i), 0};

        if (i < f->lines->config.n_lines || i == RL_LINE_RECOVERY) {
            if (core_put(dict, i == RL_LINE_RECOVERY ? "recovery" : name,
                         core_counters(line_names, (const uint64_t *)&f->lines->line[i],
                                       RL_COUNT(line_names))) < 0)
                goto fail;
        }
    }
    return dict;
fail:
    Py_XDECREF(dict);
    return NULL;
}

static PyObject *feed_losses(PyObject *op, PyObject *unused)
{
    struct rl_feed *f = feed_idle(op);

    (void)unused;
    if (!f)
        return NULL;
    if (!f->lines)
        return raise_no_lines();
    return PyBytes_FromStringAndSize((const char *)f->lines->losses,
                                     (Py_ssize_t)(f->lines->n_losses * sizeof(struct rl_loss)));
}

/* The line of the first argument; false with an exception when there is none of that number. */
static bool line_of(struct rl_feed *f, unsigned int line)
{
    if (!f->lines) {
        raise_no_lines();
        return false;
    }
    if (line < f->lines->config.n_lines)
        return true;
    PyErr_Format(PyExc_IndexError, "line: %u is not in 0 .. %u", line,
                 f->lines->config.n_lines - 1);
    return false;
}

/* A Hist has more digits than the lines keep: every bucket goes in at its upper edge. */
static PyObject *feed_lag(PyObject *op, PyObject *args)
{
    struct rl_feed *f = feed_idle(op);
    const struct rl_hist *lag;
    unsigned int line;
    PyObject *hist;

    if (!f || !PyArg_ParseTuple(args, "I:lag", &line) || !line_of(f, line))
        return NULL;
    hist = hist_object(PyType_GetModuleState(Py_TYPE(op)), NULL);
    lag = &f->lines->lag[line];
    for (uint32_t i = 0; hist && i < lag->n_counts; i++) {
        uint64_t edge = rl_hist_upper_edge(lag, i);

        if (lag->counts[i] > 0)
            rl_hist_record_n(hist_records(hist), edge < lag->max ? edge : lag->max, lag->counts[i]);
    }
    return hist;
}

static PyObject *feed_skew_ns(PyObject *op, PyObject *args)
{
    struct rl_feed *f = feed_idle(op);
    unsigned int a, b;
    double pct;

    if (!f || !PyArg_ParseTuple(args, "IId:skew_ns", &a, &b, &pct) || !line_of(f, a) ||
        !line_of(f, b))
        return NULL;
    return PyLong_FromLongLong(rl_lines_skew_ns(f->lines, a, b, pct));
}

static PyObject *feed_silent_ns(PyObject *op, PyObject *args)
{
    struct rl_feed *f = feed_idle(op);
    unsigned int line;
    unsigned long long now_ns;
    uint64_t silent_ns;

    if (!f || !PyArg_ParseTuple(args, "IK:silent_ns", &line, &now_ns) ||
        (line != RL_LINE_ANY && !line_of(f, line)))
        return NULL;
    if (!f->lines)
        return raise_no_lines();
    silent_ns = rl_lines_silent_ns(f->lines, line, now_ns);
    if (silent_ns == UINT64_MAX)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(silent_ns);
}

static PyObject *feed_due_ns(PyObject *op, PyObject *unused)
{
    struct rl_feed *f = feed_idle(op);
    uint64_t due_ns;

    (void)unused;
    if (!f)
        return NULL;
    due_ns = f->lines ? rl_lines_due_ns(f->lines) : UINT64_MAX;
    if (due_ns == UINT64_MAX)
        Py_RETURN_NONE;
    return PyLong_FromUnsignedLongLong(due_ns);
}

static PyObject *feed_next_seq(PyObject *op, PyObject *unused)
{
    struct rl_feed *f = feed_idle(op);

    (void)unused;
    return f ? PyLong_FromUnsignedLongLong(rl_feed_next_seq(f)) : NULL;
}

static PyObject *feed_request(PyObject *op, PyObject *args)
{
    struct rl_feed *f = feed_idle(op);
    struct rl_lines_request r;
    unsigned long long now_ns;

    if (!f || !PyArg_ParseTuple(args, "K:request", &now_ns))
        return NULL;
    if (!f->lines || !rl_lines_request(f->lines, now_ns, &r))
        Py_RETURN_NONE;
    return Py_BuildValue("(OKKI)", r.is_snapshot ? Py_True : Py_False, (unsigned long long)r.first,
                         (unsigned long long)r.n, r.attempt);
}

/* --- all methods ------------------------------------------------------------------------------ */

PyDoc_STRVAR(push_doc,
             "push($self, /, data, recs, ends)\n--\n\n"
             "The updates of the packets `recs` of data, as a bytearray of 64 a piece.\n\n"
             "ends[i] = how many there were after packet i.");
PyDoc_STRVAR(poll_doc, "poll($self, now_ns, /)\n--\n\n"
                       "The updates that time sets free, as `push` gives them.");
PyDoc_STRVAR(forget_doc, "forget($self, /)\n--\n\nThe next packet may have any number.");
PyDoc_STRVAR(request_doc, "request($self, now_ns, /)\n--\n\n"
                          "(is_snapshot, first, n, attempt) of what to ask for; None: nothing.");
PyDoc_STRVAR(symbols_doc, "symbols($self, /)\n--\n\nWhat instruments are called, by number.");
PyDoc_STRVAR(name_doc, "name($self, key, symbol, /)\n--\n\n"
                       "Call the instrument that the wire calls `key`, numbering it when new.");
PyDoc_STRVAR(is_synced_doc, "is_synced($self, instrument, /)\n--\n\n"
                            "Whether its book holds all that the venue said.");
PyDoc_STRVAR(counters_doc, "counters($self, /)\n--\n\n"
                           "{'feed', 'lines', 'line 0' ..., 'recovery'} of counters by name.");
PyDoc_STRVAR(losses_doc, "losses($self, /)\n--\n\n"
                         "Numbers given up: bytes of (first u64, n u64) each.");
PyDoc_STRVAR(lag_doc, "lag($self, line, /)\n--\n\n"
                      "Hist of ns behind the line that was first, when it was not.");
PyDoc_STRVAR(skew_doc, "skew_ns($self, a, b, pct, /)\n--\n\n"
                       "How much later line a brings a packet than line b.");
PyDoc_STRVAR(silent_doc, "silent_ns($self, line, now_ns, /)\n--\n\n"
                         "Since the line (5: any of them) was heard; None: never.");
PyDoc_STRVAR(due_doc, "due_ns($self, /)\n--\n\nWhen poll should be called; None: no need.");
PyDoc_STRVAR(next_seq_doc, "next_seq($self, /)\n--\n\nThe number expected next; 0: not known yet.");

PyMethodDef feed_methods[] = {
    {"push", RL_PY_KEYWORDS(feed_push), push_doc},
    {"poll", feed_poll, METH_VARARGS, poll_doc},
    {"request", feed_request, METH_VARARGS, request_doc},
    {"forget", feed_forget, METH_NOARGS, forget_doc},
    {"symbols", feed_symbols, METH_NOARGS, symbols_doc},
    {"name", feed_name, METH_VARARGS, name_doc},
    {"is_synced", feed_is_synced, METH_VARARGS, is_synced_doc},
    {"counters", feed_counters, METH_NOARGS, counters_doc},
    {"losses", feed_losses, METH_NOARGS, losses_doc},
    {"lag", feed_lag, METH_VARARGS, lag_doc},
    {"skew_ns", feed_skew_ns, METH_VARARGS, skew_doc},
    {"silent_ns", feed_silent_ns, METH_VARARGS, silent_doc},
    {"due_ns", feed_due_ns, METH_NOARGS, due_doc},
    {"next_seq", feed_next_seq, METH_NOARGS, next_seq_doc},
    {NULL, NULL, 0, NULL},
};
