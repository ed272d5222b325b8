/*
 * py_match - the matching engine inside an engine._core.Match, for the two files that work on it.
 */
#ifndef RL_PY_MATCH_H
#define RL_PY_MATCH_H

#include "base/mem.h"
#include "py/module.h"
#include "rig/exchange/match.h"

struct py_match {
    PyObject_HEAD
    struct rl_arena arena;  /* base is NULL: not open */
    struct rl_match *match; /* in the arena: an object's own memory is not aligned for it */
    uint8_t *events;        /* not taken by Python yet: grows, since a request may cause many */
    uint64_t n_events;
    uint64_t n_events_max;
    bool is_busy;    /* a thread works on it without the GIL */
    uint64_t n_lost; /* events that no memory was left for */
};

static inline struct py_match *py_match_of(PyObject *op)
{
    return (struct py_match *)op;
}

/* The engine, unless another thread is at work on it: NULL with an exception. */
struct rl_match *match_idle(PyObject *op);

/* Requests and events (py_match.c) ... */
PyObject *match_take(PyObject *op, PyObject *args, PyObject *kw);
PyObject *match_drain(PyObject *op, PyObject *args, PyObject *kw);

/* ... and all methods, those that ask included (py_match_ask.c). */
extern PyMethodDef match_methods[];

#endif
