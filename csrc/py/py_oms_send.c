/* Oms: messages to the venue. There are no bytes here: what is committed has been sent. */
#include "py/py_oms.h"

#include <errno.h>

/* ((bit of the reason, limit, actual), ...) of a refusal. */
static PyObject *shortfalls(struct rl_oms *o, const struct rl_ticket *t,
                            const struct rl_risk_input *input)
{
    PyObject *list = PyList_New(0), *tuple;

    for (uint32_t rest = t->reasons & RL_RISK_ALL; list && rest != 0; rest &= rest - 1) {
        int64_t limit = 0, actual = 0;
        PyObject *item;

        if (input)
            rl_risk_explain(&o->risk, &t->request, input, t->now_tsc, rest & -rest, &limit,
                            &actual);
        item = Py_BuildValue("(ILL)", rest & -rest, (long long)limit, (long long)actual);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    tuple = list ? PyList_AsTuple(list) : NULL;
    Py_XDECREF(list);
    return tuple;
}

/* The id; or (reasons, shortfalls) when risk refuses; or None when the kill word does. */
static PyObject *leave(PyObject *op, enum rl_oms_answer answer, struct rl_ticket *t,
                       const struct rl_risk_input *input)
{
    struct rl_oms *o = py_oms_of(op)->oms;

    switch (answer) {
    case RL_OMS_READY:
        if (!rl_oms_commit(o, t))
            Py_RETURN_NONE;
        rl_oms_sent(o, t);
        if (PyErr_Occurred()) /* of a listener that found no memory */
            return NULL;
        return PyLong_FromUnsignedLongLong(t->id);
    case RL_OMS_REFUSED:
        return Py_BuildValue("(IN)", t->reasons & RL_RISK_ALL, shortfalls(o, t, input));
    case RL_OMS_NO_RECORD:
        break;
    }
    PyErr_SetString(PyExc_BufferError, "no room in the audit log: drain it");
    return NULL;
}

/* What is known of the instrument; of one that does not exist, nothing. */
static struct rl_risk_input input_of(PyObject *op, uint32_t instrument)
{
    struct py_oms *self = py_oms_of(op);

    if (instrument < self->oms->ledger.n_instruments)
        return self->inputs[instrument];
    return (struct rl_risk_input){.bbo = {.px_nano = {RL_PX_NONE, RL_PX_NONE}}};
}

PyObject *oms_send(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    struct rl_request request = {0};
    struct rl_risk_input input;
    struct rl_ticket ticket;
    uint64_t now;

    if (!o)
        return NULL;
    if (n < 1) {
        PyErr_SetString(PyExc_TypeError, "send: a time and a request are wanted");
        return NULL;
    }
    if (py_number("now", args[0], UINT64_MAX, &now) < 0 ||
        py_fields_read("send: behind the time", oms_request_fields, OMS_REQUEST_FIELDS, &request,
                       args + 1, n - 1) < 0)
        return NULL;
    input = input_of(op, request.scopes.instrument);
    return leave(op, rl_oms_check(o, &request, &input, now, &ticket), &ticket, &input);
}

struct change {
    uint64_t now, order_id, qty;
    int64_t px_nano;
};

static const struct py_field change_fields[] = {
    PY_FIELD(U64, struct change, now),
    PY_FIELD(U64, struct change, order_id),
    PY_FIELD(U64, struct change, qty),
    PY_FIELD(PX, struct change, px_nano),
};

PyObject *oms_replace(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    const struct rl_order *order;
    struct rl_risk_input input;
    struct rl_ticket ticket;
    struct change c;

    if (!o || py_fields_read("replace", change_fields, 4, &c, args, n) < 0)
        return NULL;
    order = rl_orders_find(&o->orders, c.order_id);
    input = input_of(op, order ? order->instrument : UINT32_MAX);
    return leave(op, rl_oms_check_replace(o, c.order_id, c.qty, c.px_nano, &input, c.now, &ticket),
                 &ticket, order ? &input : NULL);
}

PyObject *oms_cancel(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    struct rl_ticket ticket;
    struct change c;

    if (!o || py_fields_read("cancel", change_fields, 2, &c, args, n) < 0)
        return NULL;
    return leave(op, rl_oms_check_cancel(o, c.order_id, c.now, &ticket), &ticket, NULL);
}
