/* Player: a recording played through arbitration, feed and books by C threads. */
#include "rig/player/player.h"

#include "py/module.h"

#include <errno.h>
#include <string.h>

struct py_player {
    PyObject_HEAD
    struct rl_player *player; /* NULL once closed */
    Py_buffer data, recs;     /* obj is NULL: not held */
};

/* An instrument as numpy reads it (engine/market/replay.py). */
struct py_instrument {
    char symbol[RL_FEED_SYMBOL];
    struct rl_bbo bbo;
    uint32_t n_levels[2], n_orders[2];
    uint8_t state;   /* enum rl_book_state */
    uint8_t is_sure; /* rl_feed_is_synced */
    uint8_t unused[6];
};
_Static_assert(sizeof(struct py_instrument) == 88, "mirrored by a numpy dtype");

static PyObject *module_of(PyObject *op)
{
    return PyType_GetModule(Py_TYPE(op));
}

static struct rl_player *player_of(PyObject *op)
{
    struct rl_player *p = ((struct py_player *)op)->player;

    if (!p)
        PyErr_SetString(PyExc_ValueError, "the player is closed");
    return p;
}

static void player_release(struct py_player *self)
{
    struct rl_player *p = self->player;

    self->player = NULL;
    Py_BEGIN_ALLOW_THREADS
    rl_player_close(p);
    Py_END_ALLOW_THREADS
    if (self->data.obj)
        PyBuffer_Release(&self->data);
    if (self->recs.obj)
        PyBuffer_Release(&self->recs);
}

static void player_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    player_release((struct py_player *)op);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

static int protocol_of(const char *name, enum rl_feed_kind *protocol)
{
    *protocol = rl_protocol_find(name);
    if (*protocol < RL_N_PROTOCOLS)
        return 0;
    PyErr_Format(PyExc_ValueError, "no protocol '%s'", name);
    return -1;
}

static int pace_of(const char *name, struct rl_pace_config *pace)
{
    static const char *const names[] = {
#define X(id, text) text,
        RL_PACES(X)
#undef X
    };

    for (size_t i = 0; i < RL_COUNT(names); i++) {
        if (strcmp(names[i], name) == 0) {
            pace->mode = (enum rl_pace_mode)i;
            return 0;
        }
    }
    PyErr_Format(PyExc_ValueError, "no pace '%s'", name);
    return -1;
}

static int config_get(PyObject *args, PyObject *kw, struct py_player *self,
                      struct rl_player_config *c)
{
    static char *names[] = {"data",
                            "recs",
                            "protocol",
                            "is_packets",
                            "n_lines",
                            "pace",
                            "speed_num",
                            "speed_den",
                            "rate_per_s",
                            "n_loops",
                            "into_port",
                            "n_instruments",
                            "n_orders",
                            "n_levels_per_side",
                            "n_qty_decimals",
                            "n_cable_bytes",
                            "cpu_reader",
                            "cpu_sender",
                            NULL};
    unsigned long long rate_per_s, n_loops;
    const char *protocol, *pace;
    PyObject *data, *recs;
    int is_packets, into_port;

    rl_player_config_init(c);
    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "$OOspIsIIKKpIIIbIii:Player", names, &data, &recs, &protocol, &is_packets,
            &c->n_lines, &pace, &c->pace.speed_num, &c->pace.speed_den, &rate_per_s, &n_loops,
            &into_port, &c->n_instruments, &c->n_orders, &c->n_levels_per_side, &c->n_qty_decimals,
            &c->n_cable_bytes, &c->cpu_reader, &c->cpu_sender))
        return -1;
    if (protocol_of(protocol, &c->protocol) < 0 || pace_of(pace, &c->pace) < 0 ||
        PyObject_GetBuffer(data, &self->data, PyBUF_C_CONTIGUOUS) < 0 ||
        PyObject_GetBuffer(recs, &self->recs, PyBUF_C_CONTIGUOUS) < 0)
        return -1;
    c->bytes = self->data.buf;
    c->n_bytes = (uint64_t)self->data.len;
    c->recs = self->recs.buf;
    c->n_recs = (uint64_t)self->recs.len / sizeof(struct rl_stream_rec);
    c->is_packets = is_packets;
    c->pace.rate_per_s = rate_per_s;
    c->n_loops = n_loops;
    c->into = into_port ? RL_PLAYER_PORT : RL_PLAYER_BOOK;
    return 0;
}

static PyObject *player_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    struct py_player *self;
    struct rl_player_config config;
    const char *why = NULL;
    int err;

    self = (struct py_player *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    if (config_get(args, kw, self, &config) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    err = rl_player_open(&self->player, &config, &why);
    Py_END_ALLOW_THREADS
    if (err) {
        core_raise(PyType_GetModule(type), err, why);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static PyObject *player_start(PyObject *op, PyObject *unused)
{
    struct rl_player *p = player_of(op);
    int err;

    (void)unused;
    if (!p)
        return NULL;
    err = rl_player_start(p);
    if (err)
        return core_raise(module_of(op), err,
                          err == -EINVAL ? "cpus: absent, or not allowed for this process" : NULL);
    Py_RETURN_NONE;
}

static PyObject *player_wait(PyObject *op, PyObject *args, PyObject *kw)
{
    static char *names[] = {"timeout_s", NULL};
    struct rl_player *p = player_of(op);
    double timeout_s;
    uint64_t timeout_ns;
    int err;

    if (!p || !PyArg_ParseTupleAndKeywords(args, kw, "d:wait", names, &timeout_s) ||
        core_timeout_ns(timeout_s, &timeout_ns) < 0)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    err = rl_player_wait(p, timeout_ns);
    Py_END_ALLOW_THREADS
    return core_waited(module_of(op), err);
}

static PyObject *player_stop(PyObject *op, PyObject *unused)
{
    struct rl_player *p = player_of(op);

    (void)unused;
    if (!p)
        return NULL;
    rl_player_stop(p);
    Py_RETURN_NONE;
}

static PyObject *player_close(PyObject *op, PyObject *unused)
{
    (void)unused;
    player_release((struct py_player *)op);
    Py_RETURN_NONE;
}

static PyObject *player_progress(PyObject *op, PyObject *unused)
{
    struct rl_player *p = player_of(op);

    (void)unused;
    if (!p)
        return NULL;
    return Py_BuildValue("{s:N,s:N}", "sent", core_counters_named(rl_player_sent_names, &p->sent),
                         "read", core_counters_named(rl_player_read_names, &p->read));
}

#define NAME(name, text) #name,
static const char *const feed_names[] = {RL_FEED_COUNTERS(NAME)};
static const char *const book_names[] = {RL_BOOKS_COUNTERS(NAME)};
static const char *const lines_names[] = {RL_LINES_COUNTERS(NAME)};
static const char *const line_names[] = {RL_LINE_COUNTERS(NAME)};
#undef NAME

static PyObject *instruments_bytes(const struct rl_player *p)
{
    uint32_t n = p->feed.n_instruments;
    PyObject *bytes =
        PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(n * sizeof(struct py_instrument)));
    char *at = bytes ? PyBytes_AsString(bytes) : NULL;

    for (uint32_t i = 0; at && i < n; i++, at += sizeof(struct py_instrument)) {
        struct py_instrument one = {.state = (uint8_t)rl_books_state(&p->books, i),
                                    .is_sure = rl_feed_is_synced(&p->feed, i)};

        memcpy(one.symbol, rl_feed_symbol(&p->feed, i), RL_FEED_SYMBOL);
        rl_books_bbo(&p->books, i, &one.bbo);
        for (int side = RL_BUY; side <= RL_SELL; side++) {
            one.n_levels[side] = rl_books_n_levels(&p->books, i, (enum rl_side)side);
            one.n_orders[side] = rl_books_n_orders(&p->books, i, (enum rl_side)side);
        }
        memcpy(at, &one, sizeof one);
    }
    return bytes;
}

/* Each line's own counters; none for messages without numbers, which are not arbitrated. */
static PyObject *lines_list(const struct rl_player *p)
{
    PyObject *list = PyList_New(0);

    for (uint32_t i = 0; list && !p->is_bare && i < p->config.n_lines; i++) {
        PyObject *one =
            core_counters(line_names, (const uint64_t *)&p->lines.line[i], RL_COUNT(line_names));

        if (!one || PyList_Append(list, one) < 0)
            Py_CLEAR(list);
        Py_XDECREF(one);
    }
    return list;
}

/* How much later the first of two lines is than the second: least, median, p99, most. */
static PyObject *skew_object(const struct rl_player *p)
{
    if (p->is_bare || p->config.n_lines != 2)
        Py_RETURN_NONE;
    return Py_BuildValue("(LLLL)", (long long)rl_lines_skew_ns(&p->lines, 0, 1, 0),
                         (long long)rl_lines_skew_ns(&p->lines, 0, 1, 50),
                         (long long)rl_lines_skew_ns(&p->lines, 0, 1, 99),
                         (long long)rl_lines_skew_ns(&p->lines, 0, 1, 100));
}

static PyObject *player_result(PyObject *op, PyObject *unused)
{
    struct rl_player *p = player_of(op);
    struct rl_player_answer a;
    PyObject *counters;

    (void)unused;
    if (!p)
        return NULL;
    if (!p->is_done) {
        PyErr_SetString(PyExc_ValueError, "the player has not ended yet");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    rl_player_answer(p, &a);
    Py_END_ALLOW_THREADS
    counters = Py_BuildValue(
        "{s:N,s:N,s:N,s:N,s:N}", "sent", core_counters_named(rl_player_sent_names, &p->sent),
        "read", core_counters_named(rl_player_read_names, &p->read), "lines",
        core_counters(lines_names, (const uint64_t *)&p->lines.n,
                      p->is_bare ? 0 : RL_COUNT(lines_names)),
        "feed", core_counters(feed_names, (const uint64_t *)&p->feed.n, RL_COUNT(feed_names)),
        "books", core_counters(book_names, (const uint64_t *)&p->books.n, RL_COUNT(book_names)));
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:I,s:I,s:K,s:s,s:N,s:N,s:N,s:N,s:N}", "n_messages",
                         (unsigned long long)a.end.n_messages, "message_hash",
                         (unsigned long long)a.end.message_hash, "book_hash",
                         (unsigned long long)a.end.book_hash, "last_seq",
                         (unsigned long long)a.end.last_seq, "n_orders", a.n_orders, "n_levels",
                         a.n_levels, "elapsed_ns", (unsigned long long)a.elapsed_ns, "damage",
                         a.damage ? a.damage : "", "counters", counters, "lines", lines_list(p),
                         "skew_ns", skew_object(p), "instruments", instruments_bytes(p), "lateness",
                         hist_object(PyModule_GetState(module_of(op)), &p->lateness));
}

PyDoc_STRVAR(player_doc,
             "Player(*, data, recs, protocol, is_packets, n_lines, pace, speed_num, speed_den, "
             "rate_per_s, n_loops, into_port, n_instruments, n_orders, n_levels_per_side, "
             "n_qty_decimals, n_cable_bytes, cpu_reader, cpu_sender)\n--\n\n"
             "A recording played through arbitration, feed and books.\n\n"
             "start(), wait() until it returns True, then result(). One thread uses it.");

static PyMethodDef player_methods[] = {
    {"start", player_start, METH_NOARGS, "start($self, /)\n--\n\nStart its threads."},
    {"wait", RL_PY_KEYWORDS(player_wait),
     "wait($self, /, timeout_s)\n--\n\nSleep until it is over (True) or the time is (False)."},
    {"stop", player_stop, METH_NOARGS,
     "stop($self, /)\n--\n\nPlay no further record; what was sent is still read."},
    {"close", player_close, METH_NOARGS, "close($self, /)\n--\n\nStop, wait and free."},
    {"progress", player_progress, METH_NOARGS,
     "progress($self, /)\n--\n\nCounters of sender and reader, also while it plays."},
    {"result", player_result, METH_NOARGS, "result($self, /)\n--\n\nHow it ended."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot player_slots[] = {
    {Py_tp_doc, (void *)player_doc},
    {Py_tp_new, player_new},
    {Py_tp_dealloc, player_dealloc},
    {Py_tp_methods, player_methods},
    {0, NULL},
};

PyType_Spec player_spec = {
    .name = "engine._core.Player",
    .basicsize = sizeof(struct py_player),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = player_slots,
};
