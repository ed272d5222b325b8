/* Feed: packets of a market data stream to updates, in batches, with or without several lines. */
#include "market/feed/feed.h"

#include "base/mem.h"
#include "market/replay/replay.h"
#include "py/py_feed.h"
#include "py/py_records.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct rl_feed *feed_idle(PyObject *op)
{
    if (py_feed_of(op)->is_busy) {
        PyErr_SetString(PyExc_RuntimeError, "the feed is in use by another thread");
        return NULL;
    }
    return py_feed_of(op)->feed;
}

/* --- life ------------------------------------------------------------------------------------- */

/* A member of rl_lines_config that the caller may set; the rest is the defaults'. */
static const struct setting {
    const char *name;
    size_t at;
    size_t n_bytes;
} settings[] = {
#define SETTING(name) \
    {#name, offsetof(struct rl_lines_config, name), sizeof(((struct rl_lines_config *)0)->name)}
    SETTING(n_window),        SETTING(n_window_bytes),      SETTING(n_losses),
    SETTING(gap_floor_ns),    SETTING(gap_skews),           SETTING(gap_ceiling_ns),
    SETTING(n_requests),      SETTING(has_snapshots),       SETTING(n_request_max),
    SETTING(request_wait_ns), SETTING(starts_with_snapshot)
#undef SETTING
};

static int setting_put(struct rl_lines_config *c, const char *name, uint64_t value)
{
    for (size_t i = 0; i < RL_COUNT(settings); i++) {
        const struct setting *s = &settings[i];

        if (strcmp(s->name, name) != 0)
            continue;
        if (s->n_bytes < sizeof(value) &&
            value >= (s->n_bytes == sizeof(bool) ? 2U : 1ULL << 8 * s->n_bytes)) {
            PyErr_Format(PyExc_ValueError, "%s: %llu is too much", name, (unsigned long long)value);
            return -1;
        }
        memcpy((uint8_t *)c + s->at, &value, s->n_bytes); /* the low bytes come first */
        return 0;
    }
    PyErr_Format(PyExc_ValueError, "lines have no '%s'", name);
    return -1;
}

static int settings_put(struct rl_lines_config *c, PyObject *dict)
{
    PyObject *key, *value;
    Py_ssize_t at = 0;

    while (PyDict_Next(dict, &at, &key, &value)) {
        const char *name = PyUnicode_AsUTF8AndSize(key, NULL);
        unsigned long long v = name ? PyLong_AsUnsignedLongLong(value) : 0;

        if (!name || PyErr_Occurred() || setting_put(c, name, v) < 0)
            return -1;
    }
    return 0;
}

static int open_feed(struct py_feed *self, const struct rl_feed_config *config)
{
    size_t n_bytes = sizeof(*self->feed) + RL_CACHE_LINE + rl_feed_bytes(config);
    int err = rl_arena_open(&self->arena, n_bytes, 0);

    if (err)
        return err;
    self->feed = rl_arena_take(&self->arena, sizeof(*self->feed), RL_CACHE_LINE);
    return rl_feed_init(self->feed, &self->arena, config);
}

static PyObject *feed_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"protocol",  "in_mold", "n_instruments", "n_qty_decimals",
                            "first_seq", "n_lines", "settings",      NULL};
    struct rl_feed_config config = {0};
    struct rl_lines_config lines;
    unsigned int n_instruments, n_lines;
    unsigned long long first_seq;
    const struct rl_protocol *protocol;
    PyObject *dict;
    const char *name;
    struct py_feed *self;
    unsigned char n_qty_decimals;
    int err, in_mold;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$spIbKIO!:Feed", names, &name, &in_mold,
                                     &n_instruments, &n_qty_decimals, &first_seq, &n_lines,
                                     &PyDict_Type, &dict))
        return NULL;
    config.kind = rl_protocol_find(name);
    config.mold = in_mold;
    config.n_instruments = n_instruments;
    config.n_qty_decimals = n_qty_decimals;
    config.first_seq = first_seq;
    protocol = rl_protocol_of(config.kind, in_mold);
    if (!protocol)
        return PyErr_Format(PyExc_ValueError, "protocol: none is called '%s'", name);
    if (n_lines > 0) {
        lines = rl_lines_defaults(protocol, n_lines);
        lines.first_seq = first_seq;
        if (settings_put(&lines, dict) < 0)
            return NULL;
        config.lines = &lines;
    }
    if (rl_feed_bytes(&config) == 0)
        return PyErr_Format(PyExc_ValueError,
                            "a feed of '%s' with %u lines and these sizes cannot be", name,
                            n_lines);
    self = (struct py_feed *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    err = open_feed(self, &config);
    if (err) {
        Py_DECREF(self);
        return err == -ENOMEM ? PyErr_NoMemory()
                              : PyErr_Format(PyExc_ValueError, "Feed: %s", strerror(-err));
    }
    return (PyObject *)self;
}

static void feed_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    rl_arena_close(&py_feed_of(op)->arena); /* harmless when it is not open */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

/* --- packets ---------------------------------------------------------------------------------- */

#define LEAST_ROOM 1024 /* updates */

/* What one call works on; `out` has room for more until it is full. */
struct pushing {
    struct rl_feed *feed;
    const uint8_t *data;
    const struct rl_stream_rec *recs;
    uint64_t *ends; /* updates after each record */
    uint64_t n_recs, at;
    bool is_open; /* the record before `at` has updates left */
    struct rl_feed_cursor cursor;
    uint8_t *out;
    uint64_t n_out, n_out_max;
};

/* As many records as there is room for; false when it ran out. */
static bool push_some(struct pushing *p)
{
    for (;;) {
        while (p->is_open) {
            struct rl_update u;

            if (p->n_out == p->n_out_max)
                return false;
            memset(&u, 0, sizeof(u));
            p->is_open = rl_feed_next(p->feed, &p->cursor, &u);
            if (!p->is_open)
                break;
            rl_update_tidy(&u);
            memcpy(p->out + p->n_out++ * sizeof(u), &u, sizeof(u));
        }
        if (p->at > 0)
            p->ends[p->at - 1] = p->n_out;
        if (p->at == p->n_recs)
            return true;
        const struct rl_stream_rec *r = &p->recs[p->at++];

        p->is_open =
            rl_feed_push(p->feed, r->line, p->data + r->offset, r->n_bytes, r->ts_ns, &p->cursor);
    }
}

/* The updates as a bytearray that grew to fit; NULL with an exception. */
static PyObject *push_all(PyObject *op, struct pushing *p)
{
    PyObject *array = PyByteArray_FromStringAndSize(NULL, 0);
    bool is_done = false;

    py_feed_of(op)->is_busy = true;
    while (array && !is_done) {
        p->n_out_max = p->n_out_max ? 2 * p->n_out_max : p->n_recs + LEAST_ROOM;
        if (PyByteArray_Resize(array, (Py_ssize_t)(p->n_out_max * sizeof(struct rl_update))) < 0) {
            Py_CLEAR(array);
            break;
        }
        p->out = (uint8_t *)PyByteArray_AsString(array);
        Py_BEGIN_ALLOW_THREADS
        is_done = push_some(p);
        Py_END_ALLOW_THREADS
    }
    py_feed_of(op)->is_busy = false;
    if (array && PyByteArray_Resize(array, (Py_ssize_t)(p->n_out * sizeof(struct rl_update))) < 0)
        Py_CLEAR(array);
    return array;
}

PyObject *feed_push(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"data", "recs", "ends", NULL};
    struct py_records held[3];
    struct py_records_want wants[3] = {
        {NULL, "data", 0, 1, false},
        {NULL, "recs", sizeof(struct rl_stream_rec), _Alignof(struct rl_stream_rec), false},
        {NULL, "ends", sizeof(uint64_t), _Alignof(uint64_t), true},
    };
    struct pushing p = {0};
    PyObject *updates = NULL;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "OOO:push", names, &wants[0].op, &wants[1].op,
                                     &wants[2].op) ||
        py_records_hold(held, wants, RL_COUNT(wants)) < 0)
        return NULL;
    p.feed = feed_idle(op);
    p.data = held[0].view.buf;
    p.recs = held[1].view.buf;
    p.n_recs = held[1].n;
    p.ends = held[2].view.buf;
    if (p.feed && held[2].n != held[1].n)
        PyErr_SetString(PyExc_ValueError, "ends: not as long as recs");
    else if (p.feed && py_recs_inside(held[1].view.buf, held[1].n, held[0].n) == 0)
        updates = push_all(op, &p);
    py_records_release(held, RL_COUNT(held));
    return updates;
}

PyObject *feed_poll(PyObject *op, PyObject *args)
{
    struct pushing p = {.feed = feed_idle(op)};
    unsigned long long now_ns;

    if (!p.feed || !PyArg_ParseTuple(args, "K:poll", &now_ns))
        return NULL;
    p.is_open = rl_feed_poll(p.feed, now_ns, &p.cursor);
    return push_all(op, &p);
}

PyObject *feed_forget(PyObject *op, PyObject *unused)
{
    struct rl_feed *f = feed_idle(op);

    (void)unused;
    if (!f)
        return NULL;
    rl_feed_forget(f);
    Py_RETURN_NONE;
}

/* --- the type --------------------------------------------------------------------------------- */

PyDoc_STRVAR(feed_doc, "Feed(*, protocol, in_mold, n_instruments, n_qty_decimals, first_seq, "
                       "n_lines, settings)\n--\n\n"
                       "Packets of a market data stream to updates (csrc/market/feed/feed.h).\n\n"
                       "n_lines 0: one line without arbitration. One thread at a time uses it.");
static PyType_Slot feed_slots[] = {
    {Py_tp_doc, (void *)feed_doc},
    {Py_tp_new, feed_new},
    {Py_tp_dealloc, feed_dealloc},
    {Py_tp_methods, feed_methods},
    {0, NULL},
};

PyType_Spec feed_spec = {
    .name = "engine._core.Feed",
    .basicsize = sizeof(struct py_feed),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = feed_slots,
};
