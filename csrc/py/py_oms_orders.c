/* OrderTable: the order store alone, for those who want to see what it does with each event. */
#include "base/mem.h"
#include "py/py_oms.h"

#include <errno.h>
#include <string.h>

struct py_orders {
    PyObject_HEAD
    struct rl_arena arena;
    struct rl_orders *orders; /* in the arena: an object's own memory is not aligned for it */
    struct rl_ids ids;
};

static struct py_orders *of(PyObject *op)
{
    return (struct py_orders *)op;
}

/* --- requests, events, orders ----------------------------------------------------------------- */

const struct py_field oms_request_fields[OMS_REQUEST_FIELDS] = {
    PY_FIELD(U8, struct rl_request, side),
    PY_FIELD(U64, struct rl_request, qty),
    PY_FIELD(PX, struct rl_request, px_nano),
    {"instrument", PY_FIELD_U32, offsetof(struct rl_request, scopes.instrument)},
    {"account", PY_FIELD_U8, offsetof(struct rl_request, scopes.account)},
    {"strategy", PY_FIELD_U8, offsetof(struct rl_request, scopes.strategy)},
    {"venue", PY_FIELD_U8, offsetof(struct rl_request, scopes.venue)},
    PY_FIELD(U8, struct rl_request, type),
    PY_FIELD(U8, struct rl_request, time_in_force),
    PY_FIELD(U64, struct rl_request, expire_ns),
    PY_FIELD(U64, struct rl_request, trigger),
};

const struct py_field oms_event_fields[OMS_EVENT_FIELDS] = {
    PY_FIELD(U8, struct rl_order_event, kind),      PY_FIELD(U64, struct rl_order_event, id),
    PY_FIELD(U64, struct rl_order_event, orig_id),  PY_FIELD(U64, struct rl_order_event, exec),
    PY_FIELD(U64, struct rl_order_event, ref_exec), PY_FIELD(U64, struct rl_order_event, qty),
    PY_FIELD(PX, struct rl_order_event, px_nano),
};

PyObject *oms_order(const struct rl_orders *o, const struct rl_order *order)
{
    uint64_t reserved;
    int64_t px;

    if (!order)
        Py_RETURN_NONE;
    reserved = rl_orders_reserved(o, order, &px);
    return Py_BuildValue("(KKNKKKIBBBBBBBKN)", order->id, order->link, py_px(order->px_nano),
                         order->qty, order->cum, order->trigger, order->instrument, order->venue,
                         order->account, order->strategy, order->state, order->side, order->type,
                         order->time_in_force, reserved, py_px(px));
}

PyObject *oms_change(const struct rl_orders *o, const struct rl_order_change *c)
{
    return Py_BuildValue("(ILNLNKNKNN)", c->flags, (long long)c->d_qty, py_px(c->px_nano),
                         (long long)c->undo_qty, py_px(c->undo_px_nano), c->was_reserved_qty,
                         py_px(c->was_reserved_px_nano), c->now_reserved_qty,
                         py_px(c->now_reserved_px_nano), oms_order(o, c->order));
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_orders(struct py_orders *self, uint64_t n_slots, uint64_t n_execs)
{
    size_t n_bytes = rl_orders_bytes(n_slots, n_execs);
    int err;

    if (n_bytes == 0)
        return -EINVAL;
    err = rl_arena_open(&self->arena, n_bytes + sizeof(*self->orders) + 2 * RL_CACHE_LINE, 0);
    if (err)
        return err;
    self->orders = rl_arena_take(&self->arena, sizeof(*self->orders), RL_CACHE_LINE);
    return rl_orders_init(self->orders, rl_arena_take(&self->arena, n_bytes, RL_CACHE_LINE),
                          n_slots, n_execs);
}

static PyObject *orders_new(PyTypeObject *type, PyObject *args, PyObject *kw)
{
    static char *names[] = {"n_slots", "n_execs", "epoch", NULL};
    PyObject *values[3];
    uint64_t numbers[3];
    struct py_orders *self;
    int err;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "$OOO:OrderTable", names, &values[0], &values[1],
                                     &values[2]))
        return NULL;
    for (size_t i = 0; i < RL_COUNT(values); i++) {
        if (py_number(names[i], values[i], UINT32_MAX, &numbers[i]) < 0)
            return NULL;
    }
    self = (struct py_orders *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
    if (!self)
        return NULL;
    err = rl_ids_init(&self->ids, (uint32_t)numbers[2]);
    if (!err)
        err = open_orders(self, numbers[0], numbers[1]);
    if (!err)
        return (PyObject *)self;
    Py_DECREF(self);
    if (err == -ENOMEM)
        return PyErr_NoMemory();
    return PyErr_Format(PyExc_ValueError,
                        "OrderTable: %llu slots, %llu executions and epoch %llu "
                        "cannot be: powers of two, and an epoch of 1 to 2^24 - 1",
                        (unsigned long long)numbers[0], (unsigned long long)numbers[1],
                        (unsigned long long)numbers[2]);
}

static void orders_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);

    rl_arena_close(&of(op)->arena); /* harmless when it is not open */
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(op);
    Py_DECREF(type);
}

/* --- what we send ----------------------------------------------------------------------------- */

static PyObject *orders_next_id(PyObject *op, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_orders_next_id(of(op)->orders, &of(op)->ids));
}

static PyObject *orders_next_cancel_id(PyObject *op, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_orders_next_cancel_id(of(op)->orders, &of(op)->ids));
}

static PyObject *orders_sent(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_request request = {0};
    struct rl_order_change change;
    uint64_t id;

    if (n < 1) {
        PyErr_SetString(PyExc_TypeError, "sent: an id and a request are wanted");
        return NULL;
    }
    if (py_number("id", args[0], UINT64_MAX, &id) < 0 ||
        py_fields_read("sent: behind the id", oms_request_fields, OMS_REQUEST_FIELDS, &request,
                       args + 1, n - 1) < 0)
        return NULL;
    rl_orders_sent(of(op)->orders, id, &request, &change);
    return oms_change(of(op)->orders, &change);
}

struct two_ids {
    uint64_t request_id, order_id, qty;
    int64_t px_nano;
};

static const struct py_field id_fields[] = {
    PY_FIELD(U64, struct two_ids, request_id),
    PY_FIELD(U64, struct two_ids, order_id),
    PY_FIELD(U64, struct two_ids, qty),
    PY_FIELD(PX, struct two_ids, px_nano),
};

static PyObject *orders_cancel_sent(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_order_change change;
    struct two_ids ids;

    if (py_fields_read("cancel_sent", id_fields, 2, &ids, args, n) < 0)
        return NULL;
    rl_orders_cancel_sent(of(op)->orders, ids.request_id, ids.order_id, &change);
    return oms_change(of(op)->orders, &change);
}

static PyObject *orders_replace_sent(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_order_change change;
    struct two_ids ids;

    if (py_fields_read("replace_sent", id_fields, 4, &ids, args, n) < 0)
        return NULL;
    rl_orders_replace_sent(of(op)->orders, ids.request_id, ids.order_id, ids.qty, ids.px_nano,
                           &change);
    return oms_change(of(op)->orders, &change);
}

/* --- what the venue says ---------------------------------------------------------------------- */

static PyObject *orders_event(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_order_event event = {0};
    struct rl_order_change change;

    if (py_fields_read("event", oms_event_fields, OMS_EVENT_FIELDS, &event, args, n) < 0)
        return NULL;
    rl_orders_event(of(op)->orders, &event, &change);
    return oms_change(of(op)->orders, &change);
}

struct hearing {
    const struct rl_orders *orders;
    PyObject *list; /* NULL after an exception */
};

static void hear(void *context, const struct rl_order_change *change)
{
    struct hearing *h = context;
    PyObject *item = h->list ? oms_change(h->orders, change) : NULL;

    if (!item || PyList_Append(h->list, item) < 0)
        Py_CLEAR(h->list);
    Py_XDECREF(item);
}

static PyObject *orders_disconnect(PyObject *op, PyObject *venue)
{
    struct hearing h = {of(op)->orders, NULL};
    uint64_t number;

    if (py_number("venue", venue, UINT8_MAX, &number) < 0)
        return NULL;
    h.list = PyList_New(0);
    if (h.list)
        rl_orders_disconnect(of(op)->orders, (unsigned)number, hear, &h);
    return h.list;
}

/* --- what is known ---------------------------------------------------------------------------- */

static PyObject *orders_find(PyObject *op, PyObject *id)
{
    uint64_t number;

    if (py_number("id", id, UINT64_MAX, &number) < 0)
        return NULL;
    return oms_order(of(op)->orders, rl_orders_find(of(op)->orders, number));
}

static PyObject *orders_open(PyObject *op, PyObject *unused)
{
    const struct rl_orders *o = of(op)->orders;
    PyObject *list = PyList_New(0);

    (void)unused;
    for (uint64_t s = rl_orders_next_open(o, 0); list && s <= o->mask;
         s = rl_orders_next_open(o, s + 1)) {
        PyObject *id = PyLong_FromUnsignedLongLong(o->slots[s].id);

        if (!id || PyList_Append(list, id) < 0)
            Py_CLEAR(list);
        Py_XDECREF(id);
    }
    return list;
}

static PyObject *orders_hash(PyObject *op, PyObject *unused)
{
    (void)unused;
    return PyLong_FromUnsignedLongLong(rl_orders_hash(of(op)->orders));
}

static PyObject *orders_check(PyObject *op, PyObject *unused)
{
    const char *why = NULL;

    (void)unused;
    if (rl_orders_check(of(op)->orders, &why) < 0)
        return PyUnicode_FromString(why);
    Py_RETURN_NONE;
}

static PyObject *orders_counts(PyObject *op, PyObject *unused)
{
    const struct rl_orders *o = of(op)->orders;
    PyObject *dict = PyDict_New();

    (void)unused;
    if (!dict || core_put(dict, "open", PyLong_FromUnsignedLongLong(o->n_open)) < 0 ||
        core_put(dict, "replaces", PyLong_FromUnsignedLongLong(o->n_replaces)) < 0 ||
        core_put(dict, "cancels", PyLong_FromUnsignedLongLong(o->n_cancels)) < 0)
        Py_CLEAR(dict);
    return dict;
}

/* --- the type --------------------------------------------------------------------------------- */

PyDoc_STRVAR(orders_doc, "OrderTable(*, n_slots, n_execs, epoch)\n--\n\n"
                         "The order store (csrc/trade/order/order.h). One thread uses it.\n\n"
                         "A change is (flags, lots, price, lots undone, their price, reserved lots "
                         "and price\nbefore, and now, the order or None).");
PyDoc_STRVAR(next_id_doc, "next_id($self, /)\n--\n\nAn id for an order or a replace; 0: none.");
PyDoc_STRVAR(next_cancel_id_doc, "next_cancel_id($self, /)\n--\n\nAn id to cancel with; 0: none.");
PyDoc_STRVAR(sent_doc, "sent($self, id, side, qty, px_nano, instrument, account, strategy, venue, "
                       "type, time_in_force, expire_ns, trigger, /)\n--\n\nAn order was sent.");
PyDoc_STRVAR(cancel_sent_doc,
             "cancel_sent($self, request_id, order_id, /)\n--\n\nA request to cancel was sent.");
PyDoc_STRVAR(replace_sent_doc, "replace_sent($self, new_id, order_id, qty, px_nano, /)\n--\n\n"
                               "A request to replace was sent.");
PyDoc_STRVAR(event_doc, "event($self, kind, id, orig_id, exec, ref_exec, qty, px_nano, /)\n--\n\n"
                        "What the venue says: the change.");
PyDoc_STRVAR(disconnect_doc, "disconnect($self, venue, /)\n--\n\n"
                             "The session to a venue is lost: the changes.");
PyDoc_STRVAR(find_doc, "find($self, id, /)\n--\n\nThe order of this id, or None.");
PyDoc_STRVAR(open_doc, "open($self, /)\n--\n\nIds of open orders.");
PyDoc_STRVAR(hash_doc, "hash($self, /)\n--\n\nThe state as one number.");
PyDoc_STRVAR(check_doc, "check($self, /)\n--\n\nWhat is wrong inside, or None.");
PyDoc_STRVAR(counts_doc, "counts($self, /)\n--\n\nOpen orders and requests without an answer.");

static PyMethodDef orders_methods[] = {
    {"next_id", orders_next_id, METH_NOARGS, next_id_doc},
    {"next_cancel_id", orders_next_cancel_id, METH_NOARGS, next_cancel_id_doc},
    {"sent", RL_PY_FAST(orders_sent), sent_doc},
    {"cancel_sent", RL_PY_FAST(orders_cancel_sent), cancel_sent_doc},
    {"replace_sent", RL_PY_FAST(orders_replace_sent), replace_sent_doc},
    {"event", RL_PY_FAST(orders_event), event_doc},
    {"disconnect", orders_disconnect, METH_O, disconnect_doc},
    {"find", orders_find, METH_O, find_doc},
    {"open", orders_open, METH_NOARGS, open_doc},
    {"hash", orders_hash, METH_NOARGS, hash_doc},
    {"check", orders_check, METH_NOARGS, check_doc},
    {"counts", orders_counts, METH_NOARGS, counts_doc},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot orders_slots[] = {
    {Py_tp_doc, (void *)orders_doc},
    {Py_tp_new, orders_new},
    {Py_tp_dealloc, orders_dealloc},
    {Py_tp_methods, orders_methods},
    {0, NULL},
};

PyType_Spec order_table_spec = {
    .name = "engine._core.OrderTable",
    .basicsize = sizeof(struct py_orders),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = orders_slots,
};
