/*
 * py_feed - the feed inside an engine._core.Feed, for the two files that work on it.
 */
#ifndef RL_PY_FEED_H
#define RL_PY_FEED_H

#include "base/mem.h"
#include "market/feed/feed.h"
#include "py/module.h"

struct py_feed {
    PyObject_HEAD
    struct rl_arena arena;
    struct rl_feed *feed; /* in the arena */
    bool is_busy;         /* a thread works on the feed without the GIL */
};

static inline struct py_feed *py_feed_of(PyObject *op)
{
    return (struct py_feed *)op;
}

/* The feed, unless another thread is at work on it: NULL with an exception. */
struct rl_feed *feed_idle(PyObject *op);

/* What moves the feed (py_feed.c) ... */
PyObject *feed_push(PyObject *op, PyObject *args, PyObject *kw);
PyObject *feed_poll(PyObject *op, PyObject *args);
PyObject *feed_forget(PyObject *op, PyObject *unused);

/* ... and all methods, those that ask it included (py_feed_ask.c). */
extern PyMethodDef feed_methods[];

#endif
