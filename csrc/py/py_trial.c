/* Trial: one run of the bench, held by Python and performed by C threads. */
#include "rig/trial/trial.h"

#include "py/module.h"
#include "py/py_port.h"
#include "py/py_stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct py_trial {
    PyObject_HEAD
    struct rl_trial *trial; /* NULL once closed */
    struct py_stream stream;
    Py_buffer due;
    PyObject *board_dir; /* bytes; NULL: none */
    PyObject *ports[4];  /* in use by the trial; NULL: shared memory */
};

static PyObject *module_of(PyObject *op)
{
    return PyType_GetModule(Py_TYPE(op));
}

static struct rl_trial *trial_of(PyObject *op)
{
    struct rl_trial *t = ((struct py_trial *)op)->trial;

    if (!t)
        PyErr_SetString(PyExc_ValueError, "the trial is closed");
    return t;
}

static void trial_release(struct py_trial *self)
{
    struct rl_trial *t = self->trial;

    self->trial = NULL;
    Py_BEGIN_ALLOW_THREADS
    rl_trial_close(t);
    Py_END_ALLOW_THREADS
    py_stream_release(&self->stream);
    if (self->due.obj)
        PyBuffer_Release(&self->due);
    Py_CLEAR(self->board_dir);
    for (size_t i = 0; i < RL_COUNT(self->ports); i++) {
        py_port_return(self->ports[i]);
        self->ports[i] = NULL;
    }
}

static void trial_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    trial_release((struct py_trial *)op);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static int due_get(PyObject *op, struct py_trial *self, struct rl_schedule *schedule)
{
    if (PyObject_GetBuffer(op, &self->due, PyBUF_FORMAT | PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    if (self->due.itemsize != sizeof(uint64_t) || self->due.len == 0) {
        PyErr_SetString(PyExc_ValueError, "a schedule is uint64 ns and not empty");
        return -1;
    }
    schedule->due_ns = self->due.buf;
    schedule->n_due = (uint64_t)(self->due.len / self->due.itemsize);
    return 0;
}

/* None, or a tuple of two ports, borrowed until the trial is closed; None: somebody else's end. */
static int line_get(PyObject *op, PyObject **held, struct rl_trial_line *line)
{
    if (op == Py_None)
        return 0;
    if (!PyTuple_Check(op) || PyTuple_Size(op) != 2) {
        PyErr_SetString(PyExc_TypeError, "a line is a pair of ports");
        return -1;
    }
    line->rig = py_port_borrow(PyTuple_GetItem(op, 0), &held[0]);
    if (!line->rig)
        return -1;
    if (PyTuple_GetItem(op, 1) == Py_None)
        return 0;
    line->engine = py_port_borrow(PyTuple_GetItem(op, 1), &held[1]);
    return line->engine ? 0 : -1;
}

/* The sizes and limits that Python sets; every other field keeps its default. */
static int config_get(PyObject *args, PyObject *kw, struct py_trial *self,
                      struct rl_trial_config *c, unsigned long long *tsc_hz)
{
    static char *names[] = {
        "stream",        "due_ns",        "span_ns",       "n_frames",  "n_warmup",
        "drain_ns",      "cpu_engine",    "cpu_rig",       "tsc_hz",    "is_reflect",
        "reflect_every", "stage_timing",  "n_instruments", "n_orders",  "n_qty_decimals",
        "ring_bytes",    "n_audit_slots", "limits",        "strategy",  "rules",
        "kill",          "board_dir",     "n_pack",        "first_seq", "is_faulty",
        "market",        "orders",        "n_tape",        "stop",      NULL};
    unsigned long long span_ns, n_frames, n_warmup, drain_ns, ring_bytes, n_audit_slots;
    unsigned long long max_qty, max_notional, max_position, order_qty;
    unsigned long long first_frame, every_frames, seed, late_ns, timeout_ns, silence_ns;
    unsigned int tripper;
    long long max_spread_nano;
    unsigned long long stop_frame, first_seq;
    PyObject *stream, *due, *limits, *strategy, *rules, *kill, *market, *orders, *stop;
    int is_reflect, stage_timing, is_day, is_faulty;

    rl_trial_config_init(c);
    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "$OOKKKKiiKpIpIIbKKO!O!O!O!O&IKpOOIO!:Trial", names, &stream, &due, &span_ns,
            &n_frames, &n_warmup, &drain_ns, &c->cpu_engine, &c->cpu_rig, tsc_hz, &is_reflect,
            &c->reflect_every, &stage_timing, &c->n_instruments, &c->n_orders, &c->n_qty_decimals,
            &ring_bytes, &n_audit_slots, &PyTuple_Type, &limits, &PyTuple_Type, &strategy,
            &PyTuple_Type, &rules, &PyTuple_Type, &kill, core_path_get, &self->board_dir,
            &c->n_pack, &first_seq, &is_faulty, &market, &orders, &c->n_tape, &PyTuple_Type, &stop))
        return -1;
    if (line_get(market, &self->ports[0], &c->market) < 0 ||
        line_get(orders, &self->ports[2], &c->session) < 0)
        return -1;
    if (!PyArg_ParseTuple(limits, "KKKIIII:limits", &max_qty, &max_notional, &max_position,
                          &c->limits.band_bps, &c->limits.rate_per_s, &c->limits.rate_burst,
                          &c->limits.max_open) ||
        !PyArg_ParseTuple(strategy, "IIKLp:strategy", &c->strategy.threshold_permille,
                          &c->strategy.every, &order_qty, &max_spread_nano, &is_day) ||
        !PyArg_ParseTuple(rules, "IIIIK:rules", &c->rules.reject_every, &c->rules.hold_every,
                          &c->rules.part_every, &c->rules.n_resting, &silence_ns) ||
        !PyArg_ParseTuple(kill, "IIKKKKK:kill", &c->kill.n_trips, &tripper, &first_frame,
                          &every_frames, &seed, &late_ns, &timeout_ns) ||
        !PyArg_ParseTuple(stop, "iiK:stop", &c->stop_pid, &c->stop_signal, &stop_frame))
        return -1;
    if (due_get(due, self, &c->schedule) < 0 || py_stream_get(stream, &self->stream) < 0)
        return -1;
    c->stream = self->stream.stream;
    c->schedule.span_ns = span_ns;
    c->n_frames = n_frames;
    c->n_warmup_frames = n_warmup;
    c->drain_ns = drain_ns;
    c->mode = is_reflect ? RL_TRIAL_REFLECT : RL_TRIAL_ENGINE;
    if (c->market.rig && !c->market.engine)
        c->mode = RL_TRIAL_FOREIGN;
    c->stop_frame = stop_frame;
    c->first_seq = first_seq;
    c->stage_timing = stage_timing;
    c->lines_are_faulty = is_faulty;
    c->n_market_bytes = ring_bytes;
    c->n_session_bytes = ring_bytes;
    c->n_audit_slots = n_audit_slots;
    c->limits.max_qty = max_qty;
    c->limits.max_notional = max_notional;
    c->limits.max_position = max_position;
    c->strategy.order_qty = order_qty;
    c->strategy.max_spread_nano = max_spread_nano;
    c->strategy.is_day = is_day;
    c->limits.may_meet_own = is_day; /* what rests is not matched there: nothing of ours meets */
    c->rules.silence_ns = silence_ns;
    c->kill.tripper = (enum rl_tripper)tripper;
    c->kill.first_frame = first_frame;
    c->kill.every_frames = every_frames;
    c->kill.seed = seed;
    c->kill.late_ns = late_ns;
    c->kill.timeout_ns = timeout_ns;
    if (self->board_dir)
        c->board_dir = PyBytes_AsString(self->board_dir);
    return 0;
}

static PyObject *trial_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    struct py_trial *self;
    struct rl_trial_config config;
    struct rl_clock clock;
    unsigned long long tsc_hz = 0;
    const char *why = NULL;
    int err;

    self = (struct py_trial *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    if (config_get(args, kw, self, &config, &tsc_hz) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    err = rl_clock_from_hz(&clock, tsc_hz);
    if (!err) {
        Py_BEGIN_ALLOW_THREADS
        err = rl_trial_open(&self->trial, &config, &clock, &why);
        Py_END_ALLOW_THREADS
    }
    if (err) {
        core_raise(PyType_GetModule(type), err, why);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *trial_start(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    int err;

    (void)unused;
    if (!t)
        return NULL;
    err = rl_trial_start(t);
    if (err)
        return core_raise(module_of(op), err, NULL);
    Py_RETURN_NONE;
}

static PyObject *trial_wait(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"timeout_s", NULL};
    struct rl_trial *t = trial_of(op);
    double timeout_s;
    uint64_t timeout_ns;
    int err;

    if (!t || !PyArg_ParseTupleAndKeywords(args, kw, "d:wait", names, &timeout_s) ||
        core_timeout_ns(timeout_s, &timeout_ns) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_trial_wait(t, timeout_ns);
    Py_END_ALLOW_THREADS
    return core_waited(module_of(op), err);
}

static PyObject *trial_stop(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);

    (void)unused;
    if (!t)
        return NULL;
    rl_trial_stop(t);
    Py_RETURN_NONE;
}

static PyObject *trial_kill(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);

    (void)unused;
    if (!t)
        return NULL;
    return PyBool_FromLong(rl_trial_kill(t, RL_KILL_MANUAL));
}

static PyObject *trial_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    trial_release((struct py_trial *)op);
    Py_RETURN_NONE;
}

static PyObject *trial_swap(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"timeout_s", NULL};
    struct rl_trial *t = trial_of(op);
    const struct rl_hist *interval;
    double timeout_s = 1.0;
    int err;

    if (!t || !PyArg_ParseTupleAndKeywords(args, kw, "|d:swap", names, &timeout_s))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_trial_swap(t, (uint64_t)(timeout_s * 1e9), &interval);
    Py_END_ALLOW_THREADS
    if (err)
        return core_raise(module_of(op), err, "the rig did not turn in time");
    return hist_object(PyModule_GetState(module_of(op)), interval);
}

static PyObject *trial_hists(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    PyObject *dict = t ? PyDict_New() : NULL;

    (void)unused;
    for (unsigned i = 0; dict && i < RL_TRIAL_N_HISTS; i++) {
        PyObject *hist = hist_object(PyModule_GetState(module_of(op)), rl_trial_hist(t, i));

        if (core_put(dict, rl_trial_hist_names[i], hist) < 0)
            Py_CLEAR(dict);
    }
    return dict;
}

static PyObject *trial_outliers(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    PyObject *list = t ? PyList_New(0) : NULL;

    (void)unused;
    for (uint32_t i = 0; list && i < t->exchange.outliers.n; i++) {
        const struct rl_outlier *o = &t->exchange.outliers.heap[i];
        PyObject *one =
            Py_BuildValue("KKKKK", (unsigned long long)o->ns, (unsigned long long)o->seq,
                          (unsigned long long)o->intended_tsc, (unsigned long long)o->actual_tsc,
                          (unsigned long long)o->received_tsc);

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *trial_counters(PyObject *op, PyObject *unused)
{
    static const char *const feed_names[] = {
#define X(name, text) #name,
        RL_FEED_COUNTERS(X)
#undef X
    };
    static const char *const book_names[] = {
#define X(name, text) #name,
        RL_BOOKS_COUNTERS(X)
#undef X
    };
    struct rl_trial *t = trial_of(op);

    (void)unused;
    if (!t)
        return NULL;
    return Py_BuildValue(
        "{s:N,s:N,s:N,s:N,s:N,s:N,s:N}", "engine",
        core_counters_named(rl_engine_counter_names, &t->engine.n), "orders",
        core_counters_named(rl_oms_counter_names, &t->engine.oms.n), "generator",
        core_counters_named(rl_blast_counter_names, &t->blast.n), "exchange",
        core_counters_named(rl_counterparty_counter_names, &t->exchange.n), "judge",
        core_counters_named(rl_judge_counter_names, &t->kill_trial.judge.n), "feed",
        core_counters(feed_names, (const uint64_t *)&t->engine.feed.n, RL_COUNT(feed_names)),
        "books",
        core_counters(book_names, (const uint64_t *)&t->engine.books.n, RL_COUNT(book_names)));
}

static PyObject *usage_dict(const struct rl_usage *u)
{
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K,s:L}", "minflt", (unsigned long long)u->minflt,
                         "majflt", (unsigned long long)u->majflt, "nvcsw",
                         (unsigned long long)u->nvcsw, "nivcsw", (unsigned long long)u->nivcsw,
                         "allocs", (unsigned long long)u->n_allocs, "heap_bytes",
                         (long long)u->n_heap_bytes);
}

static PyObject *trial_tape(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);

    (void)unused;
    if (!t)
        return NULL;
    return Py_BuildValue("{s:y#,s:K,s:K,s:K}", "orders", (const char *)t->exchange.tape.orders,
                         (Py_ssize_t)(t->exchange.tape.n * sizeof(struct rl_taped)), "n_beyond",
                         (unsigned long long)t->exchange.tape.n_beyond, "stop_tsc",
                         (unsigned long long)t->stop_tsc, "stop_seq",
                         (unsigned long long)t->stop_seq);
}

static PyObject *trial_usage(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    struct rl_usage engine, rig;

    (void)unused;
    if (!t)
        return NULL;
    if (!rl_trial_usage(t, &engine, &rig))
        Py_RETURN_NONE;
    return Py_BuildValue("{s:N,s:N}", "engine", usage_dict(&engine), "rig", usage_dict(&rig));
}

static PyObject *trial_identities(PyObject *op, PyObject *unused)
{
    struct rl_identity identities[RL_TRIAL_MAX_IDENTITIES];
    struct rl_trial *t = trial_of(op);
    PyObject *list = t ? PyList_New(0) : NULL;
    uint32_t n = list ? rl_trial_identities(t, identities) : 0;

    (void)unused;
    for (uint32_t i = 0; i < n && list; i++) {
        PyObject *one =
            Py_BuildValue("sKK", identities[i].name, (unsigned long long)identities[i].left,
                          (unsigned long long)identities[i].right);

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *trial_answer(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    struct rl_trial_answer a;

    (void)unused;
    if (!t)
        return NULL;
    rl_trial_answer(t, &a);
    return Py_BuildValue("{s:I,s:I,s:I,s:K,s:K,s:s}", "n_instruments", a.n_instruments, "n_orders",
                         a.n_orders, "n_levels", a.n_levels, "hash", (unsigned long long)a.hash,
                         "last_seq", (unsigned long long)a.last_seq, "damage",
                         a.damage ? a.damage : "");
}

static PyObject *trial_book(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"instrument", NULL};
    struct rl_trial *t = trial_of(op);
    struct rl_trial_book book;
    unsigned int instrument;
    int err;

    if (!t || !PyArg_ParseTupleAndKeywords(args, kw, "I:book", names, &instrument))
        return NULL;
    err = rl_trial_book(t, instrument, &book);
    if (err)
        return core_raise(module_of(op), err, "no such instrument");
    return Py_BuildValue("{s:s,s:(LL),s:(KK),s:(II),s:(II)}", "symbol", book.symbol, "best_px_nano",
                         (long long)book.bbo.px_nano[RL_BUY], (long long)book.bbo.px_nano[RL_SELL],
                         "best_qty", (unsigned long long)book.bbo.qty[RL_BUY],
                         (unsigned long long)book.bbo.qty[RL_SELL], "n_levels",
                         book.n_levels[RL_BUY], book.n_levels[RL_SELL], "n_orders",
                         book.n_orders[RL_BUY], book.n_orders[RL_SELL]);
}

static PyObject *trial_audit(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"path", NULL};
    struct rl_trial *t = trial_of(op);
    PyObject *path = NULL;
    const char *why = NULL;
    int err;

    if (!t ||
        !PyArg_ParseTupleAndKeywords(args, kw, "O&:audit", names, PyUnicode_FSConverter, &path))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_trial_audit(t, PyBytes_AsString(path), &why);
    Py_END_ALLOW_THREADS
    Py_DECREF(path);
    if (err)
        return core_raise(module_of(op), err, why);
    Py_RETURN_NONE;
}

static PyObject *trial_audit_step(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    int64_t n;

    (void)unused;
    if (!t)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    n = rl_trial_audit_step(t);
    Py_END_ALLOW_THREADS
    return n < 0 ? core_raise(module_of(op), (int)n, NULL) : PyLong_FromLongLong(n);
}

static PyObject *trial_audit_close(PyObject *op, PyObject *unused)
{
    struct rl_trial *t = trial_of(op);
    int err;

    (void)unused;
    if (!t)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_trial_audit_close(t);
    Py_END_ALLOW_THREADS
    if (err)
        return core_raise(module_of(op), err, NULL);
    return PyLong_FromUnsignedLongLong(rl_audit_durable(&t->engine.oms.audit));
}

PyDoc_STRVAR(trial_doc,
             "Trial(*, stream, due_ns, span_ns, n_frames, n_warmup, drain_ns, cpu_engine, cpu_rig, "
             "tsc_hz, is_reflect, reflect_every, stage_timing, n_instruments, n_orders, "
             "n_qty_decimals, ring_bytes, n_audit_slots, limits, strategy, rules, kill, "
             "board_dir, n_pack, first_seq, is_faulty, market, orders, n_tape, stop)\n--\n\n"
             "An engine, or the reflector, and a rig on a CPU each.\n\n"
             "start(), wait() until it returns True, then look. One thread uses it.");

static PyMethodDef trial_methods[] = {
    {"start", trial_start, METH_NOARGS,
     "start($self, /)\n--\n\nArm the engine, start both threads."},
    {"wait", RL_PY_KEYWORDS(trial_wait),
     "wait($self, /, timeout_s)\n--\n\nSleep until it is over (True) or the time is (False)."},
    {"stop", trial_stop, METH_NOARGS,
     "stop($self, /)\n--\n\nSend nothing more; what is under way is still drained."},
    {"kill", trial_kill, METH_NOARGS,
     "kill($self, /)\n--\n\nTrip the kill word; True for the caller whose cause is kept."},
    {"close", trial_close, METH_NOARGS, "close($self, /)\n--\n\nStop, wait and free."},
    {"swap", RL_PY_KEYWORDS(trial_swap),
     "swap($self, /, timeout_s=1.0)\n--\n\nEnd the interval of `wire` and return it."},
    {"hists", trial_hists, METH_NOARGS, "hists($self, /)\n--\n\nName -> Hist in ns, copies."},
    {"outliers", trial_outliers, METH_NOARGS,
     "outliers($self, /)\n--\n\n(ns, seq, intended, actual, received tsc) of the slowest answers."},
    {"counters", trial_counters, METH_NOARGS,
     "counters($self, /)\n--\n\nCounters of each part of the bench, by its name."},
    {"tape", trial_tape, METH_NOARGS,
     "tape($self, /)\n--\n\nAfter the end: valid orders as bytes, and when a stop was told."},
    {"usage", trial_usage, METH_NOARGS,
     "usage($self, /)\n--\n\nFaults, switches and heap calls of both threads while measured."},
    {"identities", trial_identities, METH_NOARGS,
     "identities($self, /)\n--\n\n(sentence, left, right) of what was counted on both ends."},
    {"answer", trial_answer, METH_NOARGS,
     "answer($self, /)\n--\n\nThe state in which the engine ended."},
    {"book", RL_PY_KEYWORDS(trial_book),
     "book($self, /, instrument)\n--\n\nOne instrument's book at the end."},
    {"audit", RL_PY_KEYWORDS(trial_audit),
     "audit($self, /, path)\n--\n\nWrite the audit log into this directory; before the start."},
    {"audit_step", trial_audit_step, METH_NOARGS,
     "audit_step($self, /)\n--\n\nTake the records that wait; how many."},
    {"audit_close", trial_audit_close, METH_NOARGS,
     "audit_close($self, /)\n--\n\nAfter the end: take the rest and close; records on the disk."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot trial_slots[] = {
    {Py_tp_doc, (void *)trial_doc},
    {Py_tp_new, trial_new},
    {Py_tp_dealloc, trial_dealloc},
    {Py_tp_methods, trial_methods},
    {0, NULL},
};

PyType_Spec trial_spec = {
    .name = "engine._core.Trial",
    .basicsize = sizeof(struct py_trial),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = trial_slots,
};
