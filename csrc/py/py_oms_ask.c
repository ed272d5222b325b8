/* Oms: what is known, and the log. */
#include "py/py_oms.h"
#include "trade/audit/format.h"

PyObject *oms_money(rl_money value)
{
    PyObject *high = PyLong_FromLongLong((long long)(value >> 64));
    PyObject *low = PyLong_FromUnsignedLongLong((unsigned long long)value);
    PyObject *bits = PyLong_FromLong(64), *shifted = NULL, *sum = NULL;

    if (high && low && bits)
        shifted = PyNumber_Lshift(high, bits);
    if (shifted)
        sum = PyNumber_Or(shifted, low);
    Py_XDECREF(high);
    Py_XDECREF(low);
    Py_XDECREF(bits);
    Py_XDECREF(shifted);
    return sum;
}

/* --- orders ----------------------------------------------------------------------------------- */

static PyObject *oms_find(PyObject *op, PyObject *id)
{
    struct rl_oms *o = oms_open(op);
    uint64_t number;

    if (!o || py_number("id", id, UINT64_MAX, &number) < 0)
        return NULL;
    return oms_order(&o->orders, rl_orders_find(&o->orders, number));
}

struct place {
    uint32_t index, other;
    uint8_t scope;
};

static PyObject *oms_open_orders(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PY_FIELD(U8, struct place, scope),
                                             PY_FIELD(U32, struct place, index)};
    struct rl_oms *o = oms_open(op);
    struct place p;
    PyObject *list;

    if (!o || py_fields_read("open_orders", fields, RL_COUNT(fields), &p, args, n) < 0)
        return NULL;
    list = PyList_New(0);
    for (uint64_t s = rl_orders_next_open(&o->orders, 0); list && s <= o->orders.mask;
         s = rl_orders_next_open(&o->orders, s + 1)) {
        const struct rl_order *order = &o->orders.slots[s];
        PyObject *item;

        if (!rl_order_is_in(order, (enum rl_scope)p.scope, p.index))
            continue;
        item = oms_order(&o->orders, order);
        if (!item || PyList_Append(list, item) < 0)
            Py_CLEAR(list);
        Py_XDECREF(item);
    }
    return list;
}

/* --- positions and money ---------------------------------------------------------------------- */

static PyObject *oms_position(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        {"account", PY_FIELD_U32, offsetof(struct place, index)},
        {"instrument", PY_FIELD_U32, offsetof(struct place, other)},
    };
    struct rl_oms *o = oms_open(op);
    const struct rl_position *p;
    const struct rl_mark *mark;
    struct place at;

    if (!o || py_fields_read("position", fields, RL_COUNT(fields), &at, args, n) < 0)
        return NULL;
    if (at.index >= o->ledger.n_accounts || at.other >= o->ledger.n_instruments)
        return PyErr_Format(PyExc_ValueError, "position: no account %u, or no instrument %u",
                            at.index, at.other);
    p = rl_ledger_at(&o->ledger, at.index, at.other);
    mark = &o->ledger.marks[at.other];
    return Py_BuildValue("(LKKKKKINNNNN)", (long long)p->net, p->work[RL_BUY], p->work[RL_SELL],
                         p->done[RL_BUY], p->done[RL_SELL], p->busted, p->n_open,
                         oms_money(p->cash), oms_money(p->cost), oms_money(p->realised),
                         oms_money(p->fees), py_px(mark->px_nano));
}

static PyObject *oms_account(PyObject *op, PyObject *account)
{
    struct rl_oms *o = oms_open(op);
    const struct rl_account *a;
    uint64_t number;

    if (!o || py_number("account", account, UINT32_MAX, &number) < 0)
        return NULL;
    if (number >= o->ledger.n_accounts)
        return PyErr_Format(PyExc_ValueError, "account: there is no %llu",
                            (unsigned long long)number);
    a = &o->ledger.accounts[number];
    return Py_BuildValue("(NNNNNNNII)", oms_money(a->realised), oms_money(a->unrealised),
                         oms_money(a->fees), oms_money(a->gross), oms_money(a->net_high),
                         oms_money(a->net_low), oms_money(a->open_notional), a->n_open,
                         a->n_unmarked);
}

/* --- states ----------------------------------------------------------------------------------- */

static PyObject *oms_state(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PY_FIELD(U8, struct place, scope),
                                             PY_FIELD(U32, struct place, index)};
    struct rl_oms *o = oms_open(op);
    struct place p;

    if (!o || py_fields_read("state", fields, RL_COUNT(fields), &p, args, n) < 0)
        return NULL;
    return PyLong_FromLong((long)rl_risk_state(&o->risk, (enum rl_scope)p.scope, p.index));
}

/* (state, first cause, its scope and index, 1 << every cause, epoch, word). */
static PyObject *oms_why(PyObject *op, PyObject *unused)
{
    struct rl_kill_why why;

    (void)unused;
    if (!oms_open(op))
        return NULL;
    (void)rl_kill_cause(py_oms_of(op)->kill, &why);
    return Py_BuildValue("(BBBIKIK)", why.state, why.cause, why.scope, why.index, why.causes,
                         why.epoch, rl_kill_word(py_oms_of(op)->kill));
}

static PyObject *oms_is_tripped(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {PY_FIELD(U8, struct place, scope),
                                             PY_FIELD(U32, struct place, index)};
    struct place p;

    if (!oms_open(op) || py_fields_read("is_tripped", fields, RL_COUNT(fields), &p, args, n) < 0)
        return NULL;
    return PyBool_FromLong(
        rl_kill_is_tripped(py_oms_of(op)->kill, (enum rl_scope)p.scope, p.index));
}

static PyObject *oms_hash(PyObject *op, PyObject *unused)
{
    struct rl_oms *o = oms_open(op);

    (void)unused;
    return o ? PyLong_FromUnsignedLongLong(rl_oms_hash(o)) : NULL;
}

static PyObject *oms_verify(PyObject *op, PyObject *unused)
{
    struct rl_oms *o = oms_open(op);
    const char *why = NULL;

    (void)unused;
    if (!o)
        return NULL;
    if (rl_oms_verify(o, &why) < 0)
        return PyUnicode_FromString(why);
    Py_RETURN_NONE;
}

static PyObject *oms_counter_names(PyObject *op, PyObject *unused)
{
    PyObject *list = PyList_New(0);

    (void)op, (void)unused;
    for (size_t i = 0; list && rl_oms_counter_names[i]; i++) {
        PyObject *name = PyUnicode_FromString(rl_oms_counter_names[i]);

        if (!name || PyList_Append(list, name) < 0)
            Py_CLEAR(list);
        Py_XDECREF(name);
    }
    return list;
}

/* --- listeners and the log -------------------------------------------------------------------- */

/* Takes what was heard since the last time; the first call starts to listen. */
static PyObject *oms_heard(PyObject *op, PyObject *unused)
{
    struct py_oms *self = py_oms_of(op);
    PyObject *was = self->heard, *fresh;

    (void)unused;
    if (!oms_open(op))
        return NULL;
    fresh = PyList_New(0);
    if (!fresh)
        return NULL;
    self->heard = fresh;
    return was ? was : PyList_New(0);
}

/* Takes the records that wait, numbered and chained as the writer of a log would. */
static PyObject *oms_drain(PyObject *op, PyObject *unused)
{
    struct py_oms *self = py_oms_of(op);
    struct rl_oms *o = oms_open(op);
    const struct rl_audit_record *next;
    struct rl_audit_record record;
    PyObject *bytes;
    char *out;
    Py_ssize_t n = 0;

    (void)unused;
    if (!o)
        return NULL;
    bytes = PyByteArray_FromStringAndSize(
        NULL, (Py_ssize_t)((o->audit.ring.tail - o->audit.ring.head) * sizeof(record)));
    if (!bytes)
        return NULL;
    out = PyByteArray_AsString(bytes);
    while ((next = rl_ring_peek(&o->audit.ring)) != NULL) {
        record = *next;
        rl_ring_release(&o->audit.ring);
        record.number = ++self->number;
        record.crc = self->crc = rl_audit_crc(self->crc, &record);
        memcpy(out + n++ * (Py_ssize_t)sizeof(record), &record, sizeof(record));
    }
    return bytes;
}

/* --- all methods ------------------------------------------------------------------------------ */

#define DOC(name, signature, text) \
    PyDoc_STRVAR(name##_doc, #name "($self, " signature "/)\n--\n\n" text)

DOC(send,
    "now, side, qty, px_nano, instrument, account, strategy, venue, type, time_in_force, "
    "expire_ns, trigger, ",
    "The id; or (reasons, ((reason, limit, actual), ...)) of a refusal; or None: killed.");
DOC(replace, "now, order_id, qty, px_nano, ", "As send; qty counts executed lots too.");
DOC(cancel, "now, order_id, ", "As send; the kill word does not forbid it.");
DOC(event, "now, kind, id, orig_id, exec, ref_exec, qty, px_nano, ", "The venue says this: flags.");
DOC(session, "now, venue, kind, ", "A session was lost, logged on, reconciled.");
DOC(fee, "now, instrument, account, strategy, venue, fee_nano, ", "A fee was charged.");
DOC(quote, "now, instrument, bid, ask, bid_qty, ask_qty, ", "Best prices of an instrument.");
DOC(ready, "instrument, ready, delay, utc_ns, ", "What holds for an instrument.");
DOC(poll, "now, ", "Looks at limits and at the kill word, which it returns.");
DOC(trip, "now, scope, index, kind, ", "Trips the kill word.");
DOC(set_state, "now, scope, index, kind, ", "Sets a trading state.");
DOC(use_limits, "now, limits, ", "Decides by this set, whose memory is held meanwhile.");
DOC(override,
    "now, reasons, n_orders, until_now, until_utc, principal, other_principal, scope, "
    "index, ",
    "Two principals let orders pass some limits.");
DOC(note_feed, "now, instrument, in_step, ", "For the log: market data.");
DOC(note_clock, "now, utc_ns, offset_ns, is_synced, ", "For the log: the clock.");
DOC(stop, "now, ", "For the log: the end, with the hash.");
DOC(request_reset, "", "Asks for a reset of the kill word: its epoch.");
DOC(draining, "", "The kill word was seen, orders are taken back; False: not tripped.");
DOC(drained, "residual, ", "That is over but for so many orders; False: nobody began.");
DOC(arm, "epoch, scope, index, ", "Ends a trip; scope 255: all.");
DOC(close, "", "Give all back; BufferError while the counters are viewed.");
DOC(find, "id, ", "The order of this id, or None.");
DOC(open_orders, "scope, index, ", "Open orders of a scope.");
DOC(position, "account, instrument, ", "What is held, and what it has earned.");
DOC(account, "account, ", "What an account has earned, and how exposed it is.");
DOC(state, "scope, index, ", "A trading state.");
DOC(why, "", "(state, first cause, scope, index, causes, epoch, word) of the kill board.");
DOC(is_tripped, "scope, index, ", "Whether the kill board forbids exactly this.");
DOC(hash, "", "The state as one number.");
DOC(verify, "", "What is wrong inside, or None.");
PyDoc_STRVAR(counter_names_doc,
             "counter_names()\n--\n\nNames of the counters, in the order of their view.");
DOC(heard, "", "Changes since the last call; the first one starts to listen.");
DOC(drain, "", "The records that wait, numbered and chained.");

#define FAST(name) {#name, RL_PY_FAST(oms_##name), name##_doc}
#define NOARGS(name) {#name, oms_##name, METH_NOARGS, name##_doc}
#define ONE(name) {#name, oms_##name, METH_O, name##_doc}

PyMethodDef oms_methods[] = {
    FAST(send),
    FAST(replace),
    FAST(cancel),
    FAST(event),
    FAST(session),
    FAST(fee),
    FAST(quote),
    FAST(ready),
    FAST(poll),
    FAST(trip),
    FAST(set_state),
    FAST(use_limits),
    FAST(override),
    FAST(note_feed),
    FAST(note_clock),
    FAST(stop),
    FAST(arm),
    FAST(open_orders),
    FAST(position),
    FAST(state),
    FAST(is_tripped),
    NOARGS(request_reset),
    NOARGS(close),
    NOARGS(why),
    NOARGS(hash),
    NOARGS(verify),
    {"counter_names", oms_counter_names, METH_NOARGS | METH_STATIC, counter_names_doc},
    NOARGS(heard),
    NOARGS(drain),
    ONE(find),
    ONE(account),
    NOARGS(draining),
    ONE(drained),
    {NULL, NULL, 0, NULL},
};
