/* Match: the matching engine, which takes requests in arrays and gives events
 * in arrays. */
#include "py/py_match.h"
#include "py/py_fields.h"
#include "py/py_layout.h"
#include "py/py_records.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_EVENTS 256 /* room at the start; it doubles */

struct rl_match *match_idle(PyObject *op)
{
    if (py_match_of(op)->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the matching engine is in use by another thread");
        return NULL;
    }
    return py_match_of(op)->match;
}

/* --- events
 * -----------------------------------------------------------------------------------
 */

/* Called without the GIL: no memory of Python's. */
static void keep(void *context, const struct rl_match_event *events, uint32_t n)
{
    struct py_match *self = context;

    if (self->n_events + n > self->n_events_max) {
        uint64_t n_max = 2 * (self->n_events_max + n);
        uint8_t *room = realloc(self->events, n_max * sizeof(*events));

        if (!room) {
            self->n_lost += n;
            return;
        }
        self->events = room;
        self->n_events_max = n_max;
    }
    memcpy(self->events + self->n_events * sizeof(*events), events, n * sizeof(*events));
    self->n_events += n;
}

PyObject *match_drain(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"out", NULL};
    struct py_match *self = py_match_of(op);
    struct py_records held;
    struct py_records_want want = {NULL, "out", sizeof(struct rl_match_event), 1, true};
    uint64_t n;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "O:drain", names, &want.op) || !match_idle(op) ||
        py_records_hold(&held, &want, 1) < 0)
        return NULL;
    n = held.n < self->n_events ? held.n : self->n_events;
    memcpy(held.view.buf, self->events, n * sizeof(struct rl_match_event));
    self->n_events -= n;
    memmove(self->events, self->events + n * sizeof(struct rl_match_event),
            self->n_events * sizeof(struct rl_match_event));
    py_records_release(&held, 1);
    return PyLong_FromUnsignedLongLong(n);
}

/* --- requests
 * ---------------------------------------------------------------------------------
 */

/* The caller's arrays need not be aligned. */
static void take_all(struct rl_match *m, const struct py_records held[2])
{
    const uint8_t *requests = held[0].view.buf;
    const uint8_t *times = held[1].view.buf;

    for (uint64_t i = 0; i < held[0].n; i++) {
        struct rl_match_request r;
        uint64_t now_ns;

        memcpy(&r, requests + i * sizeof(r), sizeof(r));
        memcpy(&now_ns, times + i * sizeof(now_ns), sizeof(now_ns));
        rl_match_take(m, &r, now_ns);
    }
}

PyObject *match_take(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"requests", "times", NULL};
    struct py_match *self = py_match_of(op);
    struct py_records held[2];
    struct py_records_want wants[2] = {
        {NULL, "requests", sizeof(struct rl_match_request), 1, false},
        {NULL, "times", sizeof(uint64_t), 1, false},
    };
    struct rl_match *m;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "OO:take", names, &wants[0].op, &wants[1].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    m = match_idle(op);
    if (m && held[0].n != held[1].n) {
        PyErr_SetString(PyExc_ValueError, "times: not as long as requests");
        m = NULL;
    }
    if (!m) {
        py_records_release(held, RL_COUNT(held));
        return NULL;
    }
    self->is_busy = true;
    Py_BEGIN_ALLOW_THREADS
    take_all(m, held);
    Py_END_ALLOW_THREADS
    self->is_busy = false;
    py_records_release(held, RL_COUNT(held));
    if (self->n_lost > 0) {
        self->n_lost = 0;
        return PyErr_NoMemory();
    }
    return PyLong_FromUnsignedLongLong(self->n_events);
}

/* --- life
 * -------------------------------------------------------------------------------------
 */

static int open_match(struct py_match *self, const struct rl_match_config *config)
{
    size_t n_bytes = sizeof(*self->match) + RL_CACHE_LINE + rl_match_bytes(config);
    struct rl_match_sink sink = {keep, self};
    int err = rl_arena_open(&self->arena, n_bytes, RL_ARENA_THP);

    if (err)
        return err;
    self->match = rl_arena_take(&self->arena, sizeof(*self->match), RL_CACHE_LINE);
    self->events = malloc(FIRST_EVENTS * sizeof(struct rl_match_event));
    if (!self->events)
        return -ENOMEM;
    self->n_events_max = FIRST_EVENTS;
    return rl_match_init(self->match, &self->arena, config, sink);
}

static const struct py_field config_fields[] = {
    PY_FIELD(U32, struct rl_match_config, n_instruments),
    PY_FIELD(U32, struct rl_match_config, n_orders),
    PY_FIELD(U32, struct rl_match_config, n_stops),
    PY_FIELD(U32, struct rl_match_config, n_levels_per_side),
    PY_FIELD(U32, struct rl_match_config, n_owners),
    PY_FIELD(U32, struct rl_match_config, n_trades),
    PY_FIELD(I64, struct rl_match_config, tick_nano),
    PY_FIELD(U64, struct rl_match_config, max_qty),
    PY_FIELD(U8, struct rl_match_config, trigger),
    PY_FIELD(U64, struct rl_match_config, seed),
};

static PyObject *match_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    struct rl_match_config config = {0};
    PyObject *values[RL_COUNT(config_fields)];
    struct py_match *self;
    int err;

    if (kw && PyDict_Size(kw) > 0) {
        PyErr_SetString(PyExc_TypeError, "Match: takes no keyword arguments");
        return NULL;
    }
    for (size_t i = 0; i < RL_COUNT(values); i++)
        values[i] =
            (Py_ssize_t)i < PyTuple_Size(args) ? PyTuple_GetItem(args, (Py_ssize_t)i) : NULL;
    if (py_fields_read("Match", config_fields, RL_COUNT(config_fields), &config, values,
                       PyTuple_Size(args)) < 0)
        return NULL;
    if (rl_match_bytes(&config) == 0)
        return PyErr_Format(PyExc_ValueError,
                            "Match: sizes of 0, or more than 32-bit slots can name");
    self = (struct py_match *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = open_match(self, &config);
    Py_END_ALLOW_THREADS
    if (err) {
        Py_DECREF(self);
        if (err == -ENOMEM)
            return PyErr_NoMemory();
        return PyErr_Format(PyExc_ValueError, "Match: %s", strerror(-err));
    }
    return (PyObject *)self;
}

static void match_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    free(py_match_of(op)->events);
    rl_arena_close(&py_match_of(op)->arena); /* harmless when it is not open */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

/* --- what the numbers mean
 * -------------------------------------------------------------------- */

#define REQUEST_MEMBERS(X)    \
    X(id, "<u8")              \
    X(new_id, "<u8")          \
    X(user, "<u8")            \
    X(px_nano, "<i8")         \
    X(stop_px_nano, "<i8")    \
    X(slippage_nano, "<i8")   \
    X(trail_nano, "<i8")      \
    X(trail_step_nano, "<i8") \
    X(qty, "<u8")             \
    X(show_qty, "<u8")        \
    X(min_qty, "<u8")         \
    X(expire_ns, "<u8")       \
    X(match, "<u8")           \
    X(instrument, "<u4")      \
    X(owner, "<u4")           \
    X(op, "u1")               \
    X(side, "u1")             \
    X(type, "u1")             \
    X(tif, "u1")              \
    X(stp, "u1")              \
    X(flags, "u1")            \
    X(phase, "u1")            \
    X(reason, "u1")

#define EVENT_MEMBERS(X)   \
    X(seq, "<u8")          \
    X(ts_ns, "<u8")        \
    X(id, "<u8")           \
    X(other_id, "<u8")     \
    X(user, "<u8")         \
    X(match, "<u8")        \
    X(px_nano, "<i8")      \
    X(qty, "<u8")          \
    X(leaves, "<u8")       \
    X(shown, "<u8")        \
    X(done, "<u8")         \
    X(shown_before, "<u8") \
    X(instrument, "<u4")   \
    X(owner, "<u4")        \
    X(kind, "u1")          \
    X(side, "u1")          \
    X(reason, "u1")        \
    X(flags, "u1")         \
    X(type, "u1")          \
    X(op, "u1")

static bool request_members(PyObject *list)
{
#define X(name, format)                                                                  \
    if (py_layout_add(list, #name, format, offsetof(struct rl_match_request, name)) < 0) \
        return false;
    REQUEST_MEMBERS(X)
#undef X
    return true;
}

static bool event_members(PyObject *list)
{
#define X(name, format)                                                                \
    if (py_layout_add(list, #name, format, offsetof(struct rl_match_event, name)) < 0) \
        return false;
    EVENT_MEMBERS(X)
#undef X
    return true;
}

static PyObject *match_layout(PyObject *module, PyObject *args)
{
    bool is_event;
    PyObject *list;
    int event;

    (void)module;
    if (!PyArg_ParseTuple(args, "p:match_layout", &event))
        return NULL;
    is_event = event != 0;
    list = PyList_New(0);
    if (!list || !(is_event ? event_members(list) : request_members(list))) {
        Py_XDECREF(list);
        return NULL;
    }
    return Py_BuildValue(
        "(nN)",
        (Py_ssize_t)(is_event ? sizeof(struct rl_match_event) : sizeof(struct rl_match_request)),
        list);
}

/* The texts of 0 .. n - 1. */
static PyObject *texts(const char *(*text)(unsigned), unsigned n)
{
    PyObject *list = PyList_New(0);

    for (unsigned i = 0; list && i < n; i++) {
        PyObject *one = PyUnicode_FromString(text(i));

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

static PyObject *match_names(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return Py_BuildValue("(NNN)", texts(rl_match_op_name, RL_MATCH_N_OPS),
                         texts(rl_match_event_name, RL_MATCH_N_EVENTS),
                         texts(rl_match_reason_text, RL_MATCH_N_REASONS));
}

/* --- the type
 * ---------------------------------------------------------------------------------
 */

PyDoc_STRVAR(match_doc, "Match(n_instruments, n_orders, n_stops, n_levels_per_side, "
                        "n_owners, n_trades, "
                        "tick_nano, max_qty, trigger, seed, /)\n--\n\n"
                        "A matching engine (csrc/rig/exchange/match.h).\n\n"
                        "One thread at a time uses it; the others get a RuntimeError.");
PyDoc_STRVAR(layout_doc, "match_layout($module, is_event, /)\n--\n\n"
                         "(bytes, [(member, format, offset)]) of an event, or of a request.");
PyDoc_STRVAR(names_doc, "match_names($module, /)\n--\n\n"
                        "What operations, events and reasons are called, in order.");

static PyType_Slot match_slots[] = {
    {Py_tp_doc, (void *)match_doc},
    {Py_tp_new, match_new},
    {Py_tp_dealloc, match_dealloc},
    {Py_tp_methods, match_methods},
    {0, NULL},
};

PyType_Spec match_spec = {
    .name = "engine._core.Match",
    .basicsize = sizeof(struct py_match),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = match_slots,
};

PyMethodDef match_functions[] = {
    {"match_layout", match_layout, METH_VARARGS, layout_doc},
    {"match_names", match_names, METH_NOARGS, names_doc},
    {NULL, NULL, 0, NULL},
};
