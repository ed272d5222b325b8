/* Oms: what happens, and what people and watchers decide. */
#include "py/py_oms.h"

#include <errno.h>
#include <string.h>

/* Arguments of all these calls; each reads those that it has. */
struct words {
    uint64_t now, id, until_now, until_utc, n_orders, principal, other;
    int64_t value;
    uint64_t bid_qty, ask_qty;
    int64_t bid, ask;
    uint32_t index, instrument, mask, delay;
    uint8_t venue, account, strategy, scope, kind;
};

#define NOW PY_FIELD(U64, struct words, now)

static int read_words(const char *name, const struct py_field *fields, size_t count,
                      struct words *w, PyObject *const *args, Py_ssize_t n)
{
    memset(w, 0, sizeof(*w));
    return py_fields_read(name, fields, count, w, args, n);
}

/* None, or the exception that a listener left. */
static PyObject *done(void)
{
    if (PyErr_Occurred())
        return NULL;
    Py_RETURN_NONE;
}

PyObject *oms_event(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    struct rl_order_event event = {0};
    uint64_t now;
    uint32_t flags;

    if (!o)
        return NULL;
    if (n < 1) {
        PyErr_SetString(PyExc_TypeError, "event: a time and an event are wanted");
        return NULL;
    }
    if (py_number("now", args[0], UINT64_MAX, &now) < 0 ||
        py_fields_read("event: behind the time", oms_event_fields, OMS_EVENT_FIELDS, &event,
                       args + 1, n - 1) < 0)
        return NULL;
    flags = rl_oms_event(o, &event, now);
    return PyErr_Occurred() ? NULL : PyLong_FromUnsignedLong(flags);
}

PyObject *oms_session(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {NOW, PY_FIELD(U8, struct words, venue),
                                             PY_FIELD(U8, struct words, kind)};
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("session", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    if (w.venue >= o->config.n_venues || w.kind > RL_SESSION_RECONCILED)
        return PyErr_Format(PyExc_ValueError, "session: no venue %u, or no event %u", w.venue,
                            w.kind);
    rl_oms_session(o, w.venue, (enum rl_session_event)w.kind, w.now);
    return done();
}

PyObject *oms_fee(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        NOW,
        PY_FIELD(U32, struct words, instrument),
        PY_FIELD(U8, struct words, account),
        PY_FIELD(U8, struct words, strategy),
        PY_FIELD(U8, struct words, venue),
        {"fee_nano", PY_FIELD_I64, offsetof(struct words, value)},
    };
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("fee", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    if (w.account >= o->ledger.n_accounts || w.instrument >= o->ledger.n_instruments)
        return PyErr_Format(PyExc_ValueError, "fee: no account %u, or no instrument %u", w.account,
                            w.instrument);
    rl_oms_fee(o,
               &(struct rl_scopes){.instrument = w.instrument,
                                   .venue = w.venue,
                                   .account = w.account,
                                   .strategy = w.strategy},
               w.value, w.now);
    return done();
}

PyObject *oms_quote(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        NOW,
        PY_FIELD(U32, struct words, instrument),
        PY_FIELD(PX, struct words, bid),
        PY_FIELD(PX, struct words, ask),
        PY_FIELD(U64, struct words, bid_qty),
        PY_FIELD(U64, struct words, ask_qty),
    };
    struct rl_oms *o = oms_open(op);
    struct rl_risk_input *input;
    struct words w;

    if (!o || read_words("quote", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    if (w.instrument >= o->ledger.n_instruments)
        return PyErr_Format(PyExc_ValueError, "quote: no instrument %u", w.instrument);
    input = &py_oms_of(op)->inputs[w.instrument];
    input->bbo = (struct rl_bbo){{w.bid, w.ask}, {w.bid_qty, w.ask_qty}};
    input->bbo_tsc = w.now;
    rl_oms_mark(o, w.instrument, &input->bbo, w.now);
    return done();
}

PyObject *oms_ready(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        PY_FIELD(U32, struct words, instrument),
        {"ready", PY_FIELD_U32, offsetof(struct words, mask)},
        PY_FIELD(U32, struct words, delay),
        {"utc_ns", PY_FIELD_U64, offsetof(struct words, until_utc)},
    };
    struct rl_oms *o = oms_open(op);
    struct rl_risk_input *input;
    struct words w;

    if (!o || read_words("ready", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    if (w.instrument >= o->ledger.n_instruments)
        return PyErr_Format(PyExc_ValueError, "ready: no instrument %u", w.instrument);
    input = &py_oms_of(op)->inputs[w.instrument];
    input->ready = w.mask;
    input->queue_delay_ticks = w.delay;
    input->utc_ns = w.until_utc;
    Py_RETURN_NONE;
}

PyObject *oms_poll(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {NOW};
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("poll", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(rl_oms_poll(o, w.now));
}

static const struct py_field rule_fields[] = {NOW, PY_FIELD(U8, struct words, scope),
                                              PY_FIELD(U32, struct words, index),
                                              PY_FIELD(U8, struct words, kind)};

PyObject *oms_trip(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("trip", rule_fields, RL_COUNT(rule_fields), &w, args, n) < 0)
        return NULL;
    rl_oms_trip(o, (enum rl_scope)w.scope, w.index, (enum rl_kill_cause)w.kind, w.now);
    return done();
}

PyObject *oms_set_state(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("set_state", rule_fields, RL_COUNT(rule_fields), &w, args, n) < 0)
        return NULL;
    if (rl_oms_set_state(o, (enum rl_scope)w.scope, w.index, (enum rl_risk_state)w.kind, w.now))
        return PyErr_Format(PyExc_ValueError,
                            "set_state: scope %u has no %u, or there is no state "
                            "%u",
                            w.scope, w.index, w.kind);
    Py_RETURN_NONE;
}

PyObject *oms_use_limits(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    struct rl_oms *o = oms_open(op);
    struct py_oms *self = py_oms_of(op);
    Py_buffer set, was = self->limits;
    const char *why;
    uint64_t now;

    if (!o)
        return NULL;
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "use_limits: a time and a set are wanted");
        return NULL;
    }
    if (py_number("now", args[0], UINT64_MAX, &now) < 0 ||
        PyObject_GetBuffer(args[1], &set, PyBUF_SIMPLE) < 0)
        return NULL;
    why = (uintptr_t)set.buf % RL_CACHE_LINE != 0
              ? "a set starts a cache line"
              : rl_limits_why_not_whole(set.buf, (size_t)set.len);
    if (why) {
        PyBuffer_Release(&set);
        return PyErr_Format(PyExc_ValueError, "use_limits: %s", why);
    }
    rl_oms_use_limits(o, set.buf, now);
    self->limits = set; /* held, and so neither moved nor freed, until the next one is in force */
    if (was.obj)
        PyBuffer_Release(&was);
    Py_RETURN_NONE;
}

PyObject *oms_override(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        NOW,
        {"reasons", PY_FIELD_U32, offsetof(struct words, mask)},
        {"n_orders", PY_FIELD_U32, offsetof(struct words, delay)},
        PY_FIELD(U64, struct words, until_now),
        PY_FIELD(U64, struct words, until_utc),
        PY_FIELD(U64, struct words, principal),
        {"other_principal", PY_FIELD_U64, offsetof(struct words, other)},
        PY_FIELD(U8, struct words, scope),
        PY_FIELD(U32, struct words, index),
    };
    struct rl_oms *o = oms_open(op);
    struct rl_override override;
    struct words w;
    int err;

    if (!o || read_words("override", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    override = (struct rl_override){.until_tsc = w.until_now,
                                    .principals = {w.principal, w.other},
                                    .mask = w.mask,
                                    .n_orders = w.delay,
                                    .scope = w.scope,
                                    .index = w.index};
    err = rl_oms_override(o, &override, w.until_utc, w.now);
    switch (err) {
    case 0:
        Py_RETURN_NONE;
    case -EPERM:
        PyErr_SetString(PyExc_PermissionError, "override: two different principals are wanted");
        return NULL;
    case -ENOSPC:
        PyErr_SetString(PyExc_ValueError, "override: too many are alive");
        return NULL;
    default:
        PyErr_SetString(PyExc_ValueError, "override: a reason that cannot be overridden, no scope, "
                                          "no orders, or it has expired");
        return NULL;
    }
}

PyObject *oms_note_feed(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        NOW,
        PY_FIELD(U32, struct words, instrument),
        {"in_step", PY_FIELD_U8, offsetof(struct words, kind)}};
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("note_feed", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    rl_oms_note_feed(o, w.instrument, w.kind != 0, w.now);
    return done();
}

PyObject *oms_note_clock(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        NOW,
        {"utc_ns", PY_FIELD_U64, offsetof(struct words, until_utc)},
        {"offset_ns", PY_FIELD_I64, offsetof(struct words, value)},
        {"is_synced", PY_FIELD_U8, offsetof(struct words, kind)},
    };
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("note_clock", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    rl_oms_note_clock(o, w.until_utc, w.value, w.kind != 0, w.now);
    return done();
}

PyObject *oms_stop(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {NOW};
    struct rl_oms *o = oms_open(op);
    struct words w;

    if (!o || read_words("stop", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    rl_oms_stop(o, w.now);
    return done();
}

/* --- resetting the kill word ------------------------------------------------------------------ */

PyObject *oms_request_reset(PyObject *op, PyObject *unused)
{
    uint32_t epoch = 0;
    int err;

    (void)unused;
    if (!oms_open(op))
        return NULL;
    err = rl_kill_request(py_oms_of(op)->kill, &epoch);
    if (err == -EALREADY)
        return PyErr_Format(PyExc_ValueError, "reset: nothing is tripped");
    if (err)
        return PyErr_Format(PyExc_ValueError, "reset: tripped, and its orders are not taken back: "
                                              "it must be drained first");
    return PyLong_FromUnsignedLong(epoch);
}

PyObject *oms_arm(PyObject *op, PyObject *const *args, Py_ssize_t n)
{
    static const struct py_field fields[] = {
        {"epoch", PY_FIELD_U32, offsetof(struct words, mask)},
        PY_FIELD(U8, struct words, scope),
        PY_FIELD(U32, struct words, index),
    };
    struct words w;

    if (!oms_open(op) || read_words("arm", fields, RL_COUNT(fields), &w, args, n) < 0)
        return NULL;
    switch (rl_kill_arm(py_oms_of(op)->kill, w.mask, w.scope, w.index)) {
    case 0:
        Py_RETURN_NONE;
    case -ESTALE:
        return PyErr_Format(PyExc_ValueError, "arm: %u is not the epoch of the last request",
                            w.mask);
    case -EAGAIN:
        return PyErr_Format(PyExc_ValueError, "arm: tripped again since: request it again");
    case -EBUSY:
        return PyErr_Format(PyExc_ValueError, "arm: a cause still holds");
    default:
        return PyErr_Format(PyExc_ValueError, "arm: scope %u has no %u", w.scope, w.index);
    }
}

PyObject *oms_draining(PyObject *op, PyObject *unused)
{
    (void)unused;
    return oms_open(op) ? PyBool_FromLong(rl_kill_draining(py_oms_of(op)->kill)) : NULL;
}

PyObject *oms_drained(PyObject *op, PyObject *residual)
{
    uint64_t n;

    if (!oms_open(op) || py_number("residual", residual, UINT64_MAX, &n) < 0)
        return NULL;
    return PyBool_FromLong(rl_kill_drained(py_oms_of(op)->kill, n));
}
