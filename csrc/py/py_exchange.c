/* Exchange: sockets, sessions, gateways and matching in one object; its thread knows no Python. */
#include "py/py_exchange.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct py_exchange *self_of(PyObject *op)
{
    return (struct py_exchange *)op;
}

static PyObject *module_of(PyObject *op)
{
    return PyType_GetModule(Py_TYPE(op));
}

/* NULL with an exception when it is closed, or in the hands of another thread's turn(). */
static struct py_exchange *open_of(PyObject *op)
{
    struct py_exchange *self = self_of(op);

    if (!self->serve) {
        PyErr_SetString(PyExc_ValueError, "the exchange is closed");
        return NULL;
    }
    if (self->is_turning) {
        PyErr_SetString(PyExc_RuntimeError, "another thread is inside turn()");
        return NULL;
    }
    return self;
}

static PyObject *exchange_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    struct py_exchange *self =
        (struct py_exchange *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    const char *where = "", *why = NULL;
    char text[320];
    int err;

    if (!self)
        return NULL;
    if (py_exchange_read(&self->given, args, kw) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    err = rl_serve_open(&self->serve, &self->given.config, &where, &why);
    Py_END_ALLOW_THREADS
    if (err) {
        snprintf(text, sizeof text, "%s%s%s", where, *where ? ": " : "",
                 why ? why : strerror(-err));
        core_raise(PyType_GetModule(type), err, text);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void give_back(struct py_exchange *self)
{
    struct rl_serve *serve = self->serve;
    struct rl_serve_thread *thread = self->thread;

    self->serve = NULL;
    self->thread = NULL;
    Py_BEGIN_ALLOW_THREADS
    rl_serve_thread_close(thread);
    rl_serve_close(serve);
    Py_END_ALLOW_THREADS
    py_exchange_forget(&self->given);
}

static void exchange_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(self_of(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static PyObject *exchange_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    if (self_of(op)->is_turning)
        return PyErr_Format(PyExc_RuntimeError, "another thread is inside turn()");
    give_back(self_of(op));
    Py_RETURN_NONE;
}

/* ---- Turning ------------------------------------------------------------------------------------
 */

static PyObject *exchange_start(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"cpu", NULL};
    struct py_exchange *self = open_of(op);
    int cpu = -1, err;

    if (!self || !PyArg_ParseTupleAndKeywords(args, kw, "|i:start", names, &cpu))
        return NULL;
    if (self->thread)
        return PyErr_Format(PyExc_ValueError, "it has been started");
    err = rl_serve_thread_start(&self->thread, self->serve, cpu);
    if (err)
        return core_raise(module_of(op), err,
                          err == -EINVAL ? "cpu: absent, or not allowed for this process" : NULL);
    Py_RETURN_NONE;
}

static PyObject *exchange_turn(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"timeout_s", NULL};
    struct py_exchange *self = open_of(op);
    double timeout_s;
    uint64_t left_ns, now_ns, end_ns;

    if (!self || !PyArg_ParseTupleAndKeywords(args, kw, "d:turn", names, &timeout_s) ||
        core_timeout_ns(timeout_s, &left_ns) < 0)
        return NULL;
    if (self->thread)
        return PyErr_Format(PyExc_ValueError, "it has a thread of its own");
    self->is_turning = true;
    Py_BEGIN_ALLOW_THREADS
    now_ns = rl_loop_clock_ns();
    end_ns = now_ns + left_ns;
    do {
        rl_serve_turn(self->serve, end_ns - now_ns);
        now_ns = rl_loop_clock_ns();
    } while (now_ns < end_ns);
    Py_END_ALLOW_THREADS
    self->is_turning = false;
    if (PyErr_CheckSignals() < 0)
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *exchange_stop(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"grace_s", NULL};
    struct py_exchange *self = open_of(op);
    double grace_s;
    uint64_t grace_ns, now_ns, end_ns;

    if (!self || !PyArg_ParseTupleAndKeywords(args, kw, "d:stop", names, &grace_s) ||
        core_timeout_ns(grace_s, &grace_ns) < 0)
        return NULL;
    self->is_turning = true;
    Py_BEGIN_ALLOW_THREADS
    if (self->thread) {
        rl_serve_thread_stop(self->thread, grace_ns);
    } else {
        rl_serve_stop(self->serve);
        now_ns = rl_loop_clock_ns();
        end_ns = now_ns + grace_ns;
        for (; now_ns < end_ns && !rl_serve_is_quiet(self->serve); now_ns = rl_loop_clock_ns())
            rl_serve_turn(self->serve, end_ns - now_ns);
    }
    Py_END_ALLOW_THREADS
    self->is_turning = false;
    Py_RETURN_NONE;
}

/* Between two turns, whoever's they are. */
static void ask(struct py_exchange *self, void (*what)(struct rl_serve *s, void *context),
                void *context)
{
    if (!self->thread) {
        what(self->serve, context);
        return;
    }
    Py_BEGIN_ALLOW_THREADS
    rl_serve_thread_do(self->thread, what, context);
    Py_END_ALLOW_THREADS
}

static void decide(struct rl_serve *s, void *context)
{
    rl_serve_decide(s, context);
}

static PyObject *exchange_decide(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"op", "symbol", "phase", "owner", "side", "match", NULL};
    struct rl_match_request r = {
        .owner = RL_MATCH_ANYBODY, .side = RL_MATCH_BOTH_SIDES, .instrument = RL_INSTRUMENT_ALL};
    struct py_exchange *self = open_of(op);
    const char *name, *symbol = NULL;
    unsigned long long match = 0;
    int instrument;

    if (!self || !PyArg_ParseTupleAndKeywords(args, kw, "s|zbIbK:decide", names, &name, &symbol,
                                              &r.phase, &r.owner, &r.side, &match))
        return NULL;
    r.match = match;
    while (r.op < RL_MATCH_N_OPS && strcmp(rl_match_op_name(r.op), name) != 0)
        r.op++;
    if (r.op != RL_MATCH_PHASE && r.op != RL_MATCH_DAY_END && r.op != RL_MATCH_BUST &&
        r.op != RL_MATCH_MASS_CANCEL)
        return PyErr_Format(PyExc_ValueError, "nothing that a venue decides: %s", name);
    if (r.phase >= RL_MATCH_N_PHASES || r.side > RL_MATCH_BOTH_SIDES)
        return PyErr_Format(PyExc_ValueError, "no such phase or side");
    if (symbol) { /* listed at the start: no need to ask the thread */
        instrument = rl_venue_find(rl_serve_venue(self->serve), symbol, strlen(symbol));
        if (instrument < 0)
            return PyErr_Format(PyExc_ValueError, "not listed: %s", symbol);
        r.instrument = (uint32_t)instrument;
    }
    ask(self, decide, &r);
    Py_RETURN_NONE;
}

/* ---- Looking ------------------------------------------------------------------------------------
 */

struct look {
    struct rl_serve_counters n;
    struct rl_serve_ends ends;
    struct rl_mischief_counters mischief;
    bool has_mischief;
};

static void look_at(struct rl_serve *s, void *context)
{
    struct look *look = context;
    const struct rl_mischief_counters *m = rl_serve_mischief(s);

    rl_serve_count(s, &look->n, &look->ends);
    look->has_mischief = m != NULL;
    if (m)
        look->mischief = *m;
}

static int put_end(PyObject *dict, const char *text, uint64_t n)
{
    PyObject *known;
    uint64_t before = 0;

    if (n == 0 || !*text)
        return 0;
    known = PyDict_GetItemString(dict, text); /* the same words at two places: one reason */
    if (known)
        before = PyLong_AsUnsignedLongLong(known);
    return core_put(dict, text, PyLong_FromUnsignedLongLong(before + n));
}

static PyObject *ends_dict(const struct rl_serve_ends *e)
{
    PyObject *dict = PyDict_New();
    int err = dict ? 0 : -1;

    for (unsigned i = 0; !err && i < RL_SERVE_N_DROPS; i++)
        err = put_end(dict, rl_serve_drop_text(i), e->drops[i]);
    for (unsigned i = 0; !err && i < RL_FIX_BYE_N; i++)
        err = put_end(dict, rl_fix_cause_text(i), e->fix[i]);
    for (unsigned i = 0; !err && i < RL_SOUP_BYE_N; i++)
        err = put_end(dict, rl_soup_cause_text(i), e->soup[i]);
    for (unsigned i = 0; !err && i < RL_TCP_N_ENDS; i++)
        err = put_end(dict, rl_tcp_end_text(i), e->tcp[i]);
    if (err)
        Py_CLEAR(dict);
    return dict;
}

static PyObject *exchange_counters(PyObject *op, PyObject *unused)
{
    struct py_exchange *self = open_of(op);
    struct look look;

    (void)unused;
    if (!self)
        return NULL;
    ask(self, look_at, &look);
    return core_counters_named(rl_serve_counter_names, &look.n);
}

static PyObject *exchange_ends(PyObject *op, PyObject *unused)
{
    struct py_exchange *self = open_of(op);
    struct look look;

    (void)unused;
    if (!self)
        return NULL;
    ask(self, look_at, &look);
    return ends_dict(&look.ends);
}

static PyObject *exchange_mischief(PyObject *op, PyObject *unused)
{
    struct py_exchange *self = open_of(op);
    struct look look;

    (void)unused;
    if (!self)
        return NULL;
    ask(self, look_at, &look);
    if (!look.has_mischief)
        Py_RETURN_NONE;
    return core_counters_named(rl_mischief_counter_names, &look.mischief);
}

struct list {
    struct rl_serve_status *rows;
    uint32_t n_max, n;
};

static void list_sessions(struct rl_serve *s, void *context)
{
    struct list *list = context;

    list->n = rl_serve_sessions(s, list->rows, list->n_max);
}

static PyObject *session_dict(const struct rl_serve_status *row)
{
    static const char *const states[] = {"away", "connected", "logged on", "logging out"};
    const char appl[2] = {row->appl_ver_id, '\0'};

    return Py_BuildValue(
        "{sssssssssssssssLsKsKsKsKsKsK}", "protocol",
        row->protocol == RL_SERVE_FIX ? "FIX" : "OUCH", "state",
        states[row->state < RL_COUNT(states) ? row->state : 0], "begin_string", row->begin_string,
        "appl_ver_id", appl, "sender", row->sender, "target", row->target, "peer", row->peer,
        "member", row->member == UINT32_MAX ? -1LL : (long long)row->member, "next_in",
        (unsigned long long)row->next_in, "next_out", (unsigned long long)row->next_out,
        "messages_in", (unsigned long long)row->messages_in, "messages_out",
        (unsigned long long)row->messages_out, "resent", (unsigned long long)row->resent, "logons",
        (unsigned long long)row->logons);
}

static PyObject *exchange_sessions(PyObject *op, PyObject *unused)
{
    struct py_exchange *self = open_of(op);
    struct list list;
    PyObject *rows;

    (void)unused;
    if (!self)
        return NULL;
    list.n_max = self->given.config.n_fix_sessions + self->given.config.n_ouch_sessions;
    list.rows = PyMem_Calloc(list.n_max, sizeof *list.rows);
    if (!list.rows)
        return PyErr_NoMemory();
    ask(self, list_sessions, &list);
    rows = PyList_New(0);
    for (uint32_t i = 0; rows && i < list.n; i++) {
        PyObject *row = session_dict(&list.rows[i]);

        if (!row || PyList_Append(rows, row) < 0)
            Py_CLEAR(rows);
        Py_XDECREF(row);
    }
    PyMem_Free(list.rows);
    return rows;
}

static int put_address(PyObject *dict, const char *name, struct rl_address a)
{
    char text[RL_ADDRESS_TEXT];

    if (a.n_bytes == 0)
        return 0;
    return core_put(dict, name, PyUnicode_FromString(rl_address_write(&a, text)));
}

static PyObject *exchange_addresses(PyObject *op, PyObject *unused)
{
    struct py_exchange *self = open_of(op); /* set at open: constant */
    PyObject *dict;

    (void)unused;
    if (!self)
        return NULL;
    dict = PyDict_New();
    if (dict && (put_address(dict, "fix", rl_serve_address(self->serve, RL_SERVE_FIX)) < 0 ||
                 put_address(dict, "ouch", rl_serve_address(self->serve, RL_SERVE_OUCH)) < 0 ||
                 put_address(dict, "market data A", self->given.config.md_lines[0]) < 0 ||
                 put_address(dict, "market data B", self->given.config.md_lines[1]) < 0 ||
                 put_address(dict, "market data requests", rl_serve_md_requests(self->serve)) < 0))
        Py_CLEAR(dict);
    return dict;
}

static PyObject *exchange_n_bytes(PyObject *op, void *unused)
{
    struct py_exchange *self = open_of(op);

    (void)unused;
    return self ? PyLong_FromSize_t(rl_serve_n_bytes(self->serve)) : NULL;
}

PyDoc_STRVAR(exchange_doc, "An exchange: sockets, sessions, matching, market data "
                           "(csrc/rig/exchange/serve.h).");
PyDoc_STRVAR(start_doc, "start($self, /, cpu=-1)\n--\n\nGive it a thread of its own.");
PyDoc_STRVAR(turn_doc, "turn($self, /, timeout_s)\n--\n\nServe in this thread for so long.");
PyDoc_STRVAR(stop_doc, "stop($self, /, grace_s)\n--\n\n"
                       "Log everybody out, wait for it at most so long.");
PyDoc_STRVAR(decide_doc, "decide($self, /, op, symbol=None, phase=0, owner=4294967295, side=2, "
                         "match=0)\n--\n\nA decision of the venue: phase, bust, mass cancel.");
PyDoc_STRVAR(counters_doc, "counters($self, /)\n--\n\nWhat has happened so far.");
PyDoc_STRVAR(ends_doc, "ends($self, /)\n--\n\nConnections that ended, by reason.");
PyDoc_STRVAR(mischief_doc, "mischief($self, /)\n--\n\nMisbehaviour so far; None: not asked for.");
PyDoc_STRVAR(sessions_doc, "sessions($self, /)\n--\n\nEvery session, as it stands.");
PyDoc_STRVAR(addresses_doc, "addresses($self, /)\n--\n\nWhere it listens, ports obtained.");
PyDoc_STRVAR(close_doc, "close($self, /)\n--\n\nEnd everything at once.");

static PyMethodDef exchange_methods[] = {
    {"start", RL_PY_KEYWORDS(exchange_start), start_doc},
    {"turn", RL_PY_KEYWORDS(exchange_turn), turn_doc},
    {"stop", RL_PY_KEYWORDS(exchange_stop), stop_doc},
    {"decide", RL_PY_KEYWORDS(exchange_decide), decide_doc},
    {"counters", exchange_counters, METH_NOARGS, counters_doc},
    {"ends", exchange_ends, METH_NOARGS, ends_doc},
    {"mischief", exchange_mischief, METH_NOARGS, mischief_doc},
    {"sessions", exchange_sessions, METH_NOARGS, sessions_doc},
    {"addresses", exchange_addresses, METH_NOARGS, addresses_doc},
    {"close", exchange_close, METH_NOARGS, close_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef exchange_getset[] = {
    {"n_bytes", exchange_n_bytes, NULL, "the most memory it can touch", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyType_Slot exchange_slots[] = {
    {Py_tp_doc, (void *)(uintptr_t)exchange_doc},
    {Py_tp_new, exchange_new},
    {Py_tp_dealloc, exchange_dealloc},
    {Py_tp_methods, exchange_methods},
    {Py_tp_getset, exchange_getset},
    {0, NULL},
};

PyType_Spec exchange_spec = {
    .name = "engine._core.Exchange",
    .basicsize = sizeof(struct py_exchange),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = exchange_slots,
};
