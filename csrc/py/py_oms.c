/* Oms: the order manager with a kill board, as one object. One thread uses it. */
#include "py/py_oms.h"

#include "py/py_records.h"

#include <errno.h>
#include <string.h>

struct rl_oms *oms_open(PyObject *op)
{
    if (!py_oms_of(op)->oms)
        PyErr_SetString(PyExc_ValueError, "the order manager is closed");
    return py_oms_of(op)->oms;
}

/* A change is kept as it was at its moment; Python hears of it when the call is over. */
void oms_told(void *context, const struct rl_order_change *c)
{
    struct py_oms *self = context;
    PyObject *item;

    if (!self->heard || PyErr_Occurred())
        return;
    item = oms_change(&self->oms->orders, c);
    if (item)
        (void)PyList_Append(self->heard, item);
    Py_XDECREF(item);
}

/* --- life ------------------------------------------------------------------------------------- */

/* The numbers of a configuration, by name as the keywords of Oms(). */
struct sizes {
    uint32_t n_accounts, n_instruments, n_venues, n_strategies;
    uint64_t fifo; /* bit a: account a */
    uint32_t n_fifo_lots;
    uint64_t n_slots, n_execs, n_records;
    uint32_t n_repeats, n_fills, epoch;
    uint64_t tsc_hz, now;
};

static const struct py_field size_fields[] = {
    PY_FIELD(U32, struct sizes, n_accounts), PY_FIELD(U32, struct sizes, n_instruments),
    PY_FIELD(U32, struct sizes, n_venues),   PY_FIELD(U32, struct sizes, n_strategies),
    PY_FIELD(U64, struct sizes, fifo),       PY_FIELD(U32, struct sizes, n_fifo_lots),
    PY_FIELD(U64, struct sizes, n_slots),    PY_FIELD(U64, struct sizes, n_execs),
    PY_FIELD(U64, struct sizes, n_records),  PY_FIELD(U32, struct sizes, n_repeats),
    PY_FIELD(U32, struct sizes, n_fills),    PY_FIELD(U32, struct sizes, epoch),
    PY_FIELD(U64, struct sizes, tsc_hz),     PY_FIELD(U64, struct sizes, now),
};

/* More than any of them can be: beyond it sums of sizes would wrap. */
#define MOST (1ULL << 32)

static int config_of(const struct sizes *s, PyObject *fees, struct rl_oms_config *config)
{
    *config = (struct rl_oms_config){
        .ledger = {.n_accounts = s->n_accounts,
                   .n_instruments = s->n_instruments,
                   .n_fifo_lots = s->n_fifo_lots},
        .n_order_slots = s->n_slots,
        .n_execs = s->n_execs,
        .n_audit_slots = s->n_records,
        .n_venues = s->n_venues,
        .n_strategies = s->n_strategies,
        .n_repeats = s->n_repeats,
        .n_fills = s->n_fills,
        .epoch = s->epoch,
        .tsc_hz = s->tsc_hz,
    };
    for (uint32_t a = 0; a < RL_MAX_ACCOUNTS; a++)
        config->ledger.method[a] = s->fifo >> a & 1 ? RL_METHOD_FIFO : RL_METHOD_AVERAGE;
    if (PyTuple_Size(fees) > RL_MAX_VENUES) {
        PyErr_Format(PyExc_ValueError, "fees: of more than %d venues", RL_MAX_VENUES);
        return -1;
    }
    for (Py_ssize_t v = 0; v < PyTuple_Size(fees); v++) {
        config->fee_nano_per_lot[v] = PyLong_AsLongLong(PyTuple_GetItem(fees, v));
        if (PyErr_Occurred())
            return -1;
    }
    if (s->n_slots > MOST || s->n_execs > MOST || s->n_records > MOST || s->n_records < 64) {
        PyErr_SetString(PyExc_ValueError, "Oms: slots, executions and records are powers of two, "
                                          "records at least 64, none above 2^32");
        return -1;
    }
    return 0;
}

static int open_oms(struct py_oms *self, const struct rl_oms_config *config, uint64_t now,
                    const char **why)
{
    size_t n_bytes = rl_oms_bytes(config);
    size_t n_inputs = config->ledger.n_instruments * sizeof(*self->inputs);
    int err;

    *why = "sizes out of range: accounts, instruments, venues, strategies, windows, powers of two";
    if (n_bytes == 0)
        return -EINVAL;
    err = rl_arena_open(&self->arena,
                        n_bytes + n_inputs + sizeof(struct rl_oms) + sizeof(struct rl_kill) + 4096,
                        0);
    if (err)
        return err;
    self->inputs = rl_arena_take(&self->arena, n_inputs, RL_CACHE_LINE);
    self->kill = self->board.obj ? self->board.buf
                                 : rl_arena_take(&self->arena, sizeof(*self->kill), RL_CACHE_LINE);
    if (!self->board.obj)
        rl_kill_init(self->kill, 0);
    for (uint32_t i = 0; i < config->ledger.n_instruments; i++)
        self->inputs[i].bbo.px_nano[RL_BUY] = self->inputs[i].bbo.px_nano[RL_SELL] = RL_PX_NONE;
    struct rl_oms *oms = rl_arena_take(&self->arena, sizeof(*oms), _Alignof(struct rl_oms));

    err = rl_oms_init(oms, &self->arena, config, self->kill, now, why);
    if (!err)
        err = rl_oms_listen(oms, oms_told, self);
    if (!err)
        self->oms = oms;
    return err;
}

/* The caller's board: bytes that are mapped or allocated, a whole struct rl_kill. */
static int take_board(struct py_oms *self, PyObject *board)
{
    if (board == Py_None)
        return 0;
    if (PyObject_GetBuffer(board, &self->board, PyBUF_SIMPLE | PyBUF_WRITABLE) < 0)
        return -1;
    if ((size_t)self->board.len < sizeof(struct rl_kill) ||
        (uintptr_t)self->board.buf % RL_CACHE_LINE != 0) {
        PyErr_Format(PyExc_ValueError, "board: %zu bytes that start a cache line are wanted",
                     sizeof(struct rl_kill));
        return -1;
    }
    return 0;
}

static PyObject *oms_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"sizes", "fees", "board", NULL};
    PyObject *numbers, *fees, *board, *values[RL_COUNT(size_fields)];
    struct rl_oms_config config;
    struct sizes sizes;
    struct py_oms *self;
    const char *why = NULL;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$O!O!O:Oms", names, &PyTuple_Type, &numbers,
                                     &PyTuple_Type, &fees, &board))
        return NULL;
    for (size_t i = 0; i < RL_COUNT(values) && i < (size_t)PyTuple_Size(numbers); i++)
        values[i] = PyTuple_GetItem(numbers, (Py_ssize_t)i);
    if (py_fields_read("Oms: sizes", size_fields, RL_COUNT(size_fields), &sizes, values,
                       PyTuple_Size(numbers)) < 0 ||
        config_of(&sizes, fees, &config) < 0)
        return NULL;
    self = (struct py_oms *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    self->n_counters = sizeof(struct rl_oms_counters) / sizeof(uint64_t);
    if (take_board(self, board) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    err = open_oms(self, &config, sizes.now, &why);
    if (!err)
        return (PyObject *)self;
    Py_DECREF(self);
    if (err == -ENOMEM)
        return PyErr_NoMemory();
    return PyErr_Format(PyExc_ValueError, "Oms: %s", why ? why : strerror(-err));
}

static void give_back(struct py_oms *self)
{
    self->oms = NULL;
    self->kill = NULL;
    rl_arena_close(&self->arena); /* harmless when it is not open */
    if (self->board.obj)
        PyBuffer_Release(&self->board);
    if (self->limits.obj)
        PyBuffer_Release(&self->limits);
    Py_CLEAR(self->heard);
}

static void oms_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    give_back(py_oms_of(op));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

PyObject *oms_close(PyObject *op, PyObject *unused)
{
    struct py_oms *self = py_oms_of(op);

    (void)unused;
    if (self->n_views > 0) {
        PyErr_Format(PyExc_BufferError, "%zd views of the counters are still alive", self->n_views);
        return NULL;
    }
    give_back(self);
    Py_RETURN_NONE;
}

/* --- the counters, live ------------------------------------------------------------------------
 */

static int oms_getbuffer(PyObject *op, Py_buffer *view, int flags)
{
    static Py_ssize_t stride = sizeof(uint64_t);
    struct py_oms *self = py_oms_of(op);

    view->obj = NULL;
    if (!self->oms || flags & PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError,
                        self->oms ? "the counters are read-only" : "the order manager is closed");
        return -1;
    }
    self->n_views++;
    *view = (Py_buffer){
        .obj = Py_NewRef(op),
        .buf = &self->oms->n,
        .len = self->n_counters * stride,
        .itemsize = stride,
        .readonly = 1,
        .ndim = 1,
        .format = (flags & PyBUF_FORMAT) ? "Q" : NULL,
        .shape = &self->n_counters,
        .strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? &stride : NULL,
    };
    return 0;
}

static void oms_releasebuffer(PyObject *op, Py_buffer *view)
{
    (void)view;
    py_oms_of(op)->n_views--;
}

/* --- the type --------------------------------------------------------------------------------- */

PyDoc_STRVAR(oms_doc, "Oms(*, sizes, fees, board)\n--\n\n"
                      "The order manager (csrc/trade/oms/oms.h) with its kill board. One thread "
                      "uses it.\n\nnp.asarray(oms) views the counters.");
static PyType_Slot oms_slots[] = {
    {Py_tp_doc, (void *)oms_doc},
    {Py_tp_new, oms_new},
    {Py_tp_dealloc, oms_dealloc},
    {Py_tp_methods, oms_methods},
    {Py_bf_getbuffer, oms_getbuffer},
    {Py_bf_releasebuffer, oms_releasebuffer},
    {0, NULL},
};

PyType_Spec oms_spec = {
    .name = "engine._core.Oms",
    .basicsize = sizeof(struct py_oms),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = oms_slots,
};
