/* Ledger: positions and accounts (csrc/trade/position/ledger.h), each change shown to readers. */
#include "trade/position/view.h"

#include "py/py_oms.h"
#include "py/py_records.h"

#include <string.h>

struct py_ledger {
    PyObject_HEAD
    struct rl_arena arena;
    struct rl_ledger *ledger;    /* in the arena */
    struct rl_ledger_view *view; /* in the arena, or the caller's memory */
    Py_buffer memory;            /* obj is NULL: a view of our own */
};

static struct py_ledger *py_ledger_of(PyObject *op)
{
    return (struct py_ledger *)op;
}

/* --- life ------------------------------------------------------------------------------------- */

/* 0 or -errno; `n_view_bytes` of the arena are the view's. */
static int open_ledger(struct py_ledger *self, const struct rl_ledger_config *config,
                       size_t n_view_bytes)
{
    size_t n_bytes = sizeof(*self->ledger) + RL_CACHE_LINE + rl_ledger_bytes(config);
    int err = rl_arena_open(&self->arena, n_bytes + n_view_bytes, 0);

    if (err)
        return err;
    self->ledger = rl_arena_take(&self->arena, sizeof(*self->ledger), 0);
    err = rl_ledger_init(self->ledger, &self->arena, config);
    if (err == 0 && !self->memory.obj)
        self->view = rl_ledger_view_init(rl_arena_take(&self->arena, n_view_bytes, 0), n_view_bytes,
                                         config->n_accounts, config->n_instruments);
    return err;
}

/* The view in the caller's memory; -1 with an exception. */
static int open_memory(struct py_ledger *self, PyObject *memory,
                       const struct rl_ledger_config *config)
{
    struct py_records_want want = {memory, "memory", 0, RL_CACHE_LINE, true};
    struct py_records held;

    if (py_records_hold(&held, &want, 1) < 0)
        return -1;
    self->memory = held.view;
    self->view = rl_ledger_view_init(self->memory.buf, (size_t)self->memory.len, config->n_accounts,
                                     config->n_instruments);
    if (self->view)
        return 0;
    PyErr_Format(PyExc_ValueError, "memory: %zd bytes, and %zu are needed", self->memory.len,
                 rl_ledger_view_bytes(config->n_accounts, config->n_instruments));
    return -1;
}

static PyObject *ledger_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"methods", "n_instruments", "n_fifo_lots", "memory", NULL};
    struct rl_ledger_config config = {0};
    PyObject *memory = Py_None;
    struct py_ledger *self;
    const char *methods;
    Py_ssize_t n_methods;
    int err = 0;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$y#IIO:Ledger", names, &methods, &n_methods,
                                     &config.n_instruments, &config.n_fifo_lots, &memory))
        return NULL;
    if (n_methods > RL_MAX_ACCOUNTS)
        return PyErr_Format(PyExc_ValueError, "Ledger: %zd accounts, of %d at most", n_methods,
                            RL_MAX_ACCOUNTS);
    config.n_accounts = (uint32_t)n_methods;
    memcpy(config.method, methods, (size_t)n_methods);
    if (rl_ledger_bytes(&config) == 0)
        return PyErr_Format(PyExc_ValueError,
                            "Ledger: 1 to %d accounts, 1 to %d instruments, "
                            "methods 0 and 1, fewer than 2**31 lots",
                            RL_MAX_ACCOUNTS, RL_MAX_SYMBOLS);
    self = (struct py_ledger *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    if (memory != Py_None && open_memory(self, memory, &config) < 0) {
        Py_DECREF(self);
        return NULL;
    }
    err = open_ledger(
        self, &config,
        self->memory.obj ? 0 : rl_ledger_view_bytes(config.n_accounts, config.n_instruments));
    if (err) {
        Py_DECREF(self);
        return PyErr_NoMemory();
    }
    return (PyObject *)self;
}

static void ledger_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    if (py_ledger_of(op)->memory.obj)
        PyBuffer_Release(&py_ledger_of(op)->memory);
    rl_arena_close(&py_ledger_of(op)->arena); /* harmless when it is not open */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

/* The bytes of the view, read-only. */
static int ledger_getbuffer(PyObject *op, Py_buffer *buffer, int flags)
{
    struct rl_ledger_view *view = py_ledger_of(op)->view;

    return PyBuffer_FillInfo(buffer, op, view, (Py_ssize_t)view->n_bytes, 1, flags);
}

/* --- what happens ----------------------------------------------------------------------------- */

/* Arguments of all calls; each names those that it takes. */
struct call {
    uint64_t qty, was_qty, now_qty, tsc;
    int64_t px_nano, was_px_nano, now_px_nano;
    uint32_t account, instrument;
    uint8_t side;
};

#define PLACE PY_FIELD(U32, struct call, account), PY_FIELD(U32, struct call, instrument)
#define EXECUTION                                                               \
    PLACE, PY_FIELD(U8, struct call, side), PY_FIELD(PX, struct call, px_nano), \
        PY_FIELD(U64, struct call, qty)
#define RESERVING                                                                \
    PY_FIELD(U64, struct call, was_qty), PY_FIELD(PX, struct call, was_px_nano), \
        PY_FIELD(U64, struct call, now_qty), PY_FIELD(PX, struct call, now_px_nano)
#define READ(function, fields, c, args, n) \
    (py_fields_read(function, fields, RL_COUNT(fields), c, args, n) < 0)

static PyObject *told(PyObject *op, const struct call *c, bool is_done)
{
    struct py_ledger *self = py_ledger_of(op);

    if (is_done)
        rl_ledger_show(self->view, self->ledger, c->account, c->instrument);
    return PyBool_FromLong(is_done);
}

static PyObject *ledger_fill(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {EXECUTION};
    struct call c;

    if (READ("fill", fields, &c, args, n))
        return NULL;
    return told(op, &c,
                rl_ledger_fill(py_ledger_of(op)->ledger, c.account, c.instrument,
                               (enum rl_side)c.side, c.px_nano, c.qty));
}

static PyObject *ledger_execute(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {EXECUTION, RESERVING};
    struct call c;

    if (READ("execute", fields, &c, args, n))
        return NULL;
    return told(op, &c,
                rl_ledger_execute(py_ledger_of(op)->ledger, c.account, c.instrument,
                                  (enum rl_side)c.side, c.px_nano, c.qty, c.was_qty, c.was_px_nano,
                                  c.now_qty, c.now_px_nano));
}

static PyObject *ledger_move(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PLACE, PY_FIELD(U8, struct call, side), RESERVING};
    struct call c;

    if (READ("move", fields, &c, args, n))
        return NULL;
    return told(op, &c,
                rl_ledger_move(py_ledger_of(op)->ledger, c.account, c.instrument,
                               (enum rl_side)c.side, c.was_qty, c.was_px_nano, c.now_qty,
                               c.now_px_nano));
}

static PyObject *ledger_bust(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {EXECUTION};
    struct call c;

    if (READ("bust", fields, &c, args, n))
        return NULL;
    return told(op, &c,
                rl_ledger_bust(py_ledger_of(op)->ledger, c.account, c.instrument,
                               (enum rl_side)c.side, c.px_nano, c.qty));
}

static PyObject *ledger_correct(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PLACE,
                                             PY_FIELD(U8, struct call, side),
                                             PY_FIELD(PX, struct call, was_px_nano),
                                             PY_FIELD(U64, struct call, was_qty),
                                             PY_FIELD(PX, struct call, px_nano),
                                             PY_FIELD(U64, struct call, qty)};
    struct call c;

    if (READ("correct", fields, &c, args, n))
        return NULL;
    return told(op, &c,
                rl_ledger_correct(py_ledger_of(op)->ledger, c.account, c.instrument,
                                  (enum rl_side)c.side, c.was_px_nano, c.was_qty, c.px_nano,
                                  c.qty));
}

/* A Python integer of 128 bits; -1 with an exception. */
static int read_money(const char *name, PyObject *value, rl_money *out)
{
    PyObject *bits = PyLong_FromLong(64), *high = NULL;
    unsigned long long low = 0;
    long long top = 0;

    if (bits && !PyLong_Check(value))
        PyErr_Format(PyExc_TypeError, "%s: not an integer: %R", name, value);
    else if (bits)
        high = PyNumber_Rshift(value, bits);
    Py_XDECREF(bits);
    if (!high)
        return -1;
    top = PyLong_AsLongLong(high);
    Py_DECREF(high);
    if (top == -1 && PyErr_Occurred()) {
        PyErr_Clear();
        PyErr_Format(PyExc_ValueError, "%s: %S is not a number of 128 bits", name, value);
        return -1;
    }
    low = PyLong_AsUnsignedLongLongMask(value);
    *out = (rl_money)((unsigned __int128)(rl_money)top << 64 | low);
    return 0;
}

static PyObject *ledger_fee(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PLACE};
    rl_money fee;
    struct call c;

    if (n != 3)
        return PyErr_Format(PyExc_TypeError, "fee: takes 3 arguments, got %zd", n);
    if (READ("fee", fields, &c, args, n - 1) || read_money("fee", args[2], &fee) < 0)
        return NULL;
    return told(op, &c, rl_ledger_fee(py_ledger_of(op)->ledger, c.account, c.instrument, fee));
}

static PyObject *ledger_mark(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PY_FIELD(U32, struct call, instrument),
                                             PY_FIELD(PX, struct call, px_nano),
                                             PY_FIELD(U64, struct call, tsc)};
    struct py_ledger *self = py_ledger_of(op);
    struct call c;

    if (READ("mark", fields, &c, args, n))
        return NULL;
    if (!rl_ledger_mark(self->ledger, c.instrument, c.px_nano, c.tsc))
        Py_RETURN_FALSE;
    rl_ledger_show_mark(self->view, self->ledger, c.instrument);
    Py_RETURN_TRUE;
}

/* --- what it comes to ------------------------------------------------------------------------- */

/* The account; NULL with an exception. */
static const struct rl_account *account_of(PyObject *op, PyObject *number, uint32_t *out)
{
    const struct rl_ledger *l = py_ledger_of(op)->ledger;
    uint64_t account;

    if (py_number("account", number, l->n_accounts - 1, &account) < 0)
        return NULL;
    *out = (uint32_t)account;
    return &l->accounts[account];
}

static PyObject *ledger_position(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PLACE};
    const struct rl_ledger *l = py_ledger_of(op)->ledger;
    const struct rl_position *p;
    struct call c;

    if (READ("position", fields, &c, args, n))
        return NULL;
    if (!rl_ledger_has(l, c.account, c.instrument))
        return PyErr_Format(PyExc_ValueError, "position: no account %u, or no instrument %u",
                            c.account, c.instrument);
    p = rl_ledger_at(l, c.account, c.instrument);
    return Py_BuildValue("(L(KK)(KK)KINNNNN)", (long long)p->net, p->work[RL_BUY], p->work[RL_SELL],
                         p->done[RL_BUY], p->done[RL_SELL], p->busted, p->n_open,
                         oms_money(p->cash), oms_money(p->cost), oms_money(p->realised),
                         oms_money(p->fees), py_px(l->marks[c.instrument].px_nano));
}

static PyObject *ledger_account(PyObject *op, PyObject *number)
{
    const struct rl_account *a;
    uint32_t account;

    a = account_of(op, number, &account);
    if (!a)
        return NULL;
    return Py_BuildValue("(NNNNNNNII)", oms_money(a->realised), oms_money(a->unrealised),
                         oms_money(a->fees), oms_money(a->gross), oms_money(a->net_high),
                         oms_money(a->net_low), oms_money(a->open_notional), a->n_open,
                         a->n_unmarked);
}

/* (loss, gross, net, oldest mark). */
static PyObject *ledger_limits(PyObject *op, PyObject *number)
{
    const struct rl_ledger *l = py_ledger_of(op)->ledger;
    const struct rl_account *a;
    uint32_t account;

    a = account_of(op, number, &account);
    if (!a)
        return NULL;
    return Py_BuildValue("(NNNK)", oms_money(rl_ledger_loss(l, account)),
                         oms_money(rl_ledger_gross(l, account)),
                         oms_money(rl_ledger_net(l, account)), a->oldest_mark_tsc);
}

static PyObject *ledger_foresee(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PLACE, PY_FIELD(U8, struct call, side), RESERVING};
    struct rl_exposure e;
    struct call c;

    if (READ("foresee", fields, &c, args, n))
        return NULL;
    if (!rl_ledger_foresee(py_ledger_of(op)->ledger, c.account, c.instrument, (enum rl_side)c.side,
                           c.was_qty, c.was_px_nano, c.now_qty, c.now_px_nano, &e))
        Py_RETURN_NONE;
    return Py_BuildValue("(NNNNLL)", oms_money(e.gross), oms_money(e.net_high),
                         oms_money(e.net_low), oms_money(e.open_notional), (long long)e.longest,
                         (long long)e.shortest);
}

static PyObject *ledger_hash(PyObject *op, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_ledger_hash(py_ledger_of(op)->ledger));
}

static PyObject *ledger_check(PyObject *op, PyObject *unused)
{
    const char *why;

    (void)unused;
    if (rl_ledger_check(py_ledger_of(op)->ledger, &why) == 0)
        Py_RETURN_NONE;
    return PyUnicode_FromString(why);
}

/* --- the type --------------------------------------------------------------------------------- */

#define METHOD(name, arguments, text) \
    {#name, RL_PY_FAST(ledger_##name), #name "($self, " arguments ", /)\n--\n\n" text}

static PyMethodDef ledger_methods[] = {
    METHOD(fill, "account, instrument, side, px_nano, qty",
           "An execution; False, and nothing changed, when it has no room."),
    METHOD(execute,
           "account, instrument, side, px_nano, qty, was_qty, was_px_nano, now_qty, now_px_nano",
           "An execution of an order, and what the order reserves before and after it."),
    METHOD(move, "account, instrument, side, was_qty, was_px_nano, now_qty, now_px_nano",
           "The reservation of an order changes."),
    METHOD(bust, "account, instrument, side, px_nano, qty", "Takes an execution back."),
    METHOD(correct, "account, instrument, side, was_px_nano, was_qty, px_nano, qty",
           "Takes an execution back and books another: both or neither."),
    METHOD(fee, "account, instrument, fee", "Charged above 0."),
    METHOD(mark, "instrument, px_nano, tsc", "What an instrument is worth from now on."),
    METHOD(position, "account, instrument",
           "(net, (buys, sells) open, (bought, sold), busted, orders, cash, cost, realised, fees, "
           "mark)."),
    METHOD(foresee, "account, instrument, side, was_qty, was_px_nano, now_qty, now_px_nano",
           "(gross, net high, net low, open notional, longest, shortest) if it moved; or None."),
    {"account", ledger_account, METH_O,
     "account($self, account, /)\n--\n\n(realised, unrealised, fees, gross, net high, net low, "
     "open notional, orders, unmarked)."},
    {"limits", ledger_limits, METH_O,
     "limits($self, account, /)\n--\n\n(loss, gross, net, oldest mark)."},
    {"hash", ledger_hash, METH_NOARGS, "hash($self, /)\n--\n\nAll state but the marks."},
    {"check", ledger_check, METH_NOARGS, "check($self, /)\n--\n\nWhat is wrong inside, or None."},
    {NULL, NULL, 0, NULL},
};

PyDoc_STRVAR(
    ledger_doc,
    "Ledger(*, methods, n_instruments, n_fifo_lots, memory)\n--\n\n"
    "The positions of all accounts (csrc/trade/position/ledger.h), one thread's.\n\n"
    "methods: a byte an account. Its buffer, or memory unless None, is the view for readers.");

static PyType_Slot ledger_slots[] = {
    {Py_tp_doc, (void *)ledger_doc},     {Py_tp_new, ledger_new},
    {Py_tp_dealloc, ledger_dealloc},     {Py_tp_methods, ledger_methods},
    {Py_bf_getbuffer, ledger_getbuffer}, {0, NULL},
};

PyType_Spec ledger_spec = {
    .name = "engine._core.Ledger",
    .basicsize = sizeof(struct py_ledger),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = ledger_slots,
};
