/* Captures as bytes plus an index of records. */
#include "market/replay/replay.h"

#include "py/module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int choice(const char *what, const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(names[i], name) == 0)
            return (int)i;
    }
    PyErr_Format(PyExc_ValueError, "no %s for '%s'", what, name);
    return -1;
}

static int source_of(const char *name)
{
    static const char *const names[] = {
#define X(id, text) text,
        RL_SOURCES(X)
#undef X
    };

    return choice("reader", name, names, RL_COUNT(names));
}

/* "" is a guess. */
static int payload_of(const char *name)
{
    static const char *const names[] = {"",
#define X(id, protocol, title, wrong) protocol,
                                        RL_PAYLOADS(X)
#undef X
    };

    return choice("packet framing", name, names, RL_COUNT(names));
}

/* "at byte N: what", as EngineError. */
static PyObject *raise_damage(PyObject *module, int err, const struct rl_replay_error *error)
{
    char text[256];

    PyOS_snprintf(text, sizeof(text), "at byte %llu: %s", (unsigned long long)error->offset,
                  error->what ? error->what : "");
    return core_raise(module, err, err == -EBADMSG ? text : NULL);
}

static PyObject *replay_index(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"source", "data", NULL};
    struct rl_replay_error error = {0, ""};
    const char *source_name;
    uint64_t n = 0;
    Py_buffer data;
    PyObject *recs = NULL;
    int source, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "sy*:replay_index", names, &source_name, &data))
        return NULL;
    source = source_of(source_name);
    if (source < 0)
        goto out;
    Py_BEGIN_ALLOW_THREADS
    err =
        rl_replay_index((enum rl_source)source, data.buf, (uint64_t)data.len, NULL, 0, &n, &error);
    Py_END_ALLOW_THREADS
    if (err == 0) {
        recs = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * sizeof(struct rl_stream_rec)));
        if (!recs)
            goto out;
        struct rl_stream_rec *out = (struct rl_stream_rec *)(void *)PyBytes_AsString(recs);

        Py_BEGIN_ALLOW_THREADS
        err = rl_replay_index((enum rl_source)source, data.buf, (uint64_t)data.len, out, n, &n,
                              &error);
        Py_END_ALLOW_THREADS
    }
    if (err) {
        Py_CLEAR(recs);
        raise_damage(module, err, &error);
    }
out:
    PyBuffer_Release(&data);
    return recs;
}

/* ((address of 4 or 16 bytes, port), ...) as lines in memory of its own; NULL with an exception. */
static struct rl_replay_line *lines_of(PyObject *op, uint32_t *n)
{
    Py_ssize_t n_lines = PyTuple_Size(op);
    struct rl_replay_line *lines;

    if (n_lines < 0)
        return NULL;
    lines = calloc((size_t)n_lines + 1, sizeof *lines);
    if (!lines) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n_lines; i++) {
        const char *address;
        Py_ssize_t n_address;

        if (!PyArg_ParseTuple(PyTuple_GetItem(op, i), "y#H:line", &address, &n_address,
                              &lines[i].port))
            goto fail;
        if (n_address != 4 && n_address != 16) {
            PyErr_SetString(PyExc_ValueError, "an address has 4 or 16 bytes");
            goto fail;
        }
        memcpy(lines[i].address, address, (size_t)n_address);
        lines[i].is_ipv6 = n_address == 16;
    }
    *n = (uint32_t)n_lines;
    return lines;
fail:
    free(lines);
    return NULL;
}

static PyObject *line_object(const struct rl_replay_line *line)
{
    return Py_BuildValue("(y#HKK)", (const char *)line->address,
                         (Py_ssize_t)(line->is_ipv6 ? 16 : 4), line->port,
                         (unsigned long long)line->n_packets, (unsigned long long)line->n_messages);
}

static PyObject *survey_object(const struct rl_replay_survey *s)
{
    size_t n_skips = 0;
    PyObject *lines = PyList_New(0);

    while (rl_replay_skip_names[n_skips])
        n_skips++;
    for (uint32_t i = 0; lines && i < s->n_lines; i++) {
        PyObject *line = line_object(&s->lines[i]);

        if (!line || PyList_Append(lines, line) < 0)
            Py_CLEAR(lines);
        Py_XDECREF(line);
    }
    if (!lines)
        return NULL;
    return Py_BuildValue(
        "{s:s,s:s,s:N,s:N}", "protocol",
        s->payload == RL_PAYLOAD_GUESS ? "" : rl_payload_protocol(s->payload), "framing",
        s->payload == RL_PAYLOAD_GUESS ? "" : rl_payload_title(s->payload), "lines", lines, "skips",
        core_counters(rl_replay_skip_names, (const uint64_t *)&s->skips, n_skips));
}

/* What was surveyed, and the index, or what is wrong: (recs or None, survey, "" or the sentence).
 */
static PyObject *replay_read(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"source", "data", "payload", "only", NULL};
    struct rl_replay_want want = {.source = RL_SOURCE_ITCH_FILE};
    struct rl_replay_line *only = NULL;
    struct rl_replay_survey *survey = NULL;
    struct rl_replay_error error = {0, ""};
    const char *source_name, *payload_name;
    PyObject *only_op, *recs = NULL, *told = NULL;
    char damage[256] = "";
    Py_buffer data;
    int source, payload, err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "sy*sO!:replay_read", names, &source_name, &data,
                                     &payload_name, &PyTuple_Type, &only_op))
        return NULL;
    source = source_of(source_name);
    payload = source < 0 ? -1 : payload_of(payload_name);
    if (payload < 0)
        goto out;
    only = lines_of(only_op, &want.n_only);
    survey = only ? malloc(sizeof *survey) : NULL;
    if (!survey) {
        if (only)
            PyErr_NoMemory();
        goto out;
    }
    want.source = (enum rl_source)source;
    want.payload = (enum rl_payload)payload;
    want.only = only;
    Py_BEGIN_ALLOW_THREADS
    err = rl_replay_survey(&want, data.buf, (uint64_t)data.len, survey, &error);
    Py_END_ALLOW_THREADS
    if (err == 0) {
        uint64_t n = survey->n_records;
        struct rl_stream_rec *out;

        recs = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * sizeof *out));
        if (!recs)
            goto out;
        out = (struct rl_stream_rec *)(void *)PyBytes_AsString(recs);
        Py_BEGIN_ALLOW_THREADS
        err = rl_replay_fill(&want, survey, data.buf, (uint64_t)data.len, out, n, &error);
        Py_END_ALLOW_THREADS
    }
    if (err == -EBADMSG) {
        Py_CLEAR(recs);
        PyOS_snprintf(damage, sizeof(damage), "at byte %llu: %s", (unsigned long long)error.offset,
                      error.what);
    } else if (err) {
        Py_CLEAR(recs);
        raise_damage(module, err, &error);
        goto out;
    }
    told = survey_object(survey);
    if (told)
        told = Py_BuildValue("(ONs)", recs ? recs : Py_None, told, damage);
out:
    Py_XDECREF(recs);
    free(survey);
    free(only);
    PyBuffer_Release(&data);
    return told;
}

static PyObject *replay_guess(PyObject *module, PyObject *args)
{
    static const char *const names[] = {
#define X(id, text) text,
        RL_SOURCES(X)
#undef X
            ""};
    Py_buffer data;
    enum rl_source source;

    (void)module;
    if (!PyArg_ParseTuple(args, "y*:replay_guess", &data))
        return NULL;
    source = rl_replay_guess(data.buf, (uint64_t)data.len);
    PyBuffer_Release(&data);
    return PyUnicode_FromString(names[source]);
}

PyDoc_STRVAR(index_doc,
             "replay_index($module, /, source, data)\n--\n\n"
             "Index of the records of a capture ('itch', 'dbn', 'fix', 'pcap', 'pcapng', "
             "'binance') as bytes of 24 a record.\n\n"
             "Raises EngineError with the offset when the capture is truncated or lies.");

PyDoc_STRVAR(
    read_doc,
    "replay_read($module, /, source, data, payload, only)\n--\n\n"
    "(index or None, what is in the capture, '' or what is wrong with it and where).\n\n"
    "'payload' is what packets speak ('' to find out), 'only' the (address, port) pairs to "
    "read.");

PyMethodDef market_functions[] = {
    {"replay_index", RL_PY_KEYWORDS(replay_index), index_doc},
    {"replay_read", RL_PY_KEYWORDS(replay_read), read_doc},
    {"replay_guess", replay_guess, METH_VARARGS,
     "replay_guess($module, data, /)\n--\n\nWhat the first bytes look like; '' when like nothing."},
    {NULL, NULL, 0, NULL},
};
