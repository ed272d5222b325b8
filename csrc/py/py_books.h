/*
 * py_books - the books inside an engine._core.Books, for the two files that work on them.
 */
#ifndef RL_PY_BOOKS_H
#define RL_PY_BOOKS_H

#include "base/mem.h"
#include "market/book/book.h"
#include "py/module.h"

struct py_books {
    PyObject_HEAD
    struct rl_arena arena;  /* base is NULL: not open */
    struct rl_books *books; /* in the arena: an object's own memory is not aligned for it */
    PyObject *views;        /* a BookViews, or NULL: nobody asked for one */
    bool is_busy;           /* a thread works on the books without the GIL */
};

static inline struct py_books *py_books_of(PyObject *op)
{
    return (struct py_books *)op;
}

/* The books, unless another thread is at work on them: NULL with an exception. */
struct rl_books *books_idle(PyObject *op);

/* What changes them or is made of them (py_books.c) ... */
PyObject *books_apply(PyObject *op, PyObject *args, PyObject *kw);
PyObject *books_view(PyObject *op, PyObject *unused);

/* ... and all methods, those that ask them included (py_books_ask.c). */
extern PyMethodDef books_methods[];

#endif
