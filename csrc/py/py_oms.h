/*
 * py_oms - the order manager inside an engine._core.Oms, and what its files and OrderTable share.
 */
#ifndef RL_PY_OMS_H
#define RL_PY_OMS_H

#include "py/module.h"
#include "py/py_fields.h"
#include "trade/oms/oms.h"

struct py_oms {
    PyObject_HEAD
    struct rl_arena arena;        /* base is NULL: closed */
    struct rl_oms *oms;           /* in the arena, as all that follows and is no object */
    struct rl_kill *kill;         /* the board: in the arena, or the caller's memory */
    struct rl_risk_input *inputs; /* what is known of each instrument at this moment */
    Py_buffer board;              /* obj is NULL: a board of our own */
    Py_buffer limits;             /* the set in force; obj is NULL: none */
    PyObject *heard;              /* list of changes; NULL: nobody listens */
    Py_ssize_t n_views;           /* of the counters: they forbid closing */
    Py_ssize_t n_counters;
    uint64_t number; /* of the last record drained ... */
    uint32_t crc;    /* ... and its chain */
};

static inline struct py_oms *py_oms_of(PyObject *op)
{
    return (struct py_oms *)op;
}

/* The order manager; NULL with an exception when it is closed. */
struct rl_oms *oms_open(PyObject *op);

/* Members of a request in the order in which Python gives them. */
#define OMS_REQUEST_FIELDS 11
extern const struct py_field oms_request_fields[OMS_REQUEST_FIELDS];
/* The same of an event. */
#define OMS_EVENT_FIELDS 7
extern const struct py_field oms_event_fields[OMS_EVENT_FIELDS];

/* An order as a tuple: id, link, px, qty, cum, trigger, instrument, venue, account, strategy,
 * state, side, type, time in force, reserved qty and price; None for NULL. */
PyObject *oms_order(const struct rl_orders *o, const struct rl_order *order);

/* (flags, lots, price, undone lots, their price, reserved before and now with prices, order). */
PyObject *oms_change(const struct rl_orders *o, const struct rl_order_change *c);

/* A money of 128 bits as a Python integer. */
PyObject *oms_money(rl_money value);

/* A listener of the C side: what it hears is kept until oms_heard takes it. */
void oms_told(void *context, const struct rl_order_change *c);

/* Messages to the venue (py_oms_send.c) ... */
PyObject *oms_send(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_replace(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_cancel(PyObject *op, PyObject *const *args, Py_ssize_t n);

/* ... what happens, and what people decide (py_oms_rule.c) ... */
PyObject *oms_event(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_session(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_fee(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_quote(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_ready(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_poll(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_trip(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_set_state(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_use_limits(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_override(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_note_feed(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_note_clock(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_stop(PyObject *op, PyObject *const *args, Py_ssize_t n);
PyObject *oms_request_reset(PyObject *op, PyObject *unused);
PyObject *oms_draining(PyObject *op, PyObject *unused);
PyObject *oms_drained(PyObject *op, PyObject *residual);
PyObject *oms_arm(PyObject *op, PyObject *const *args, Py_ssize_t n);

/* ... and all methods, those that ask included (py_oms_ask.c). */
PyObject *oms_close(PyObject *op, PyObject *unused);
extern PyMethodDef oms_methods[];

#endif
