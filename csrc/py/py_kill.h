/*
 * py_kill - what the two files of KillBoard share: py_kill.c is the type and what changes a board,
 * py_kill_ask.c what only looks.
 */
#ifndef RL_PY_PY_KILL_H
#define RL_PY_PY_KILL_H

#include "base/mem.h"
#include "py/module.h"
#include "trade/kill/board.h"

struct py_kill {
    PyObject_HEAD
    struct rl_kill *kill;  /* NULL: closed */
    struct rl_board board; /* when it is a file */
    struct rl_arena arena; /* else */
    bool is_file;
    Py_ssize_t n_views;
};

static inline struct py_kill *kill_of(PyObject *op)
{
    return (struct py_kill *)op;
}

/* The board; NULL with an exception when it is closed. */
struct rl_kill *kill_open(PyObject *op);

PyObject *kill_allows(PyObject *op, PyObject *args);
PyObject *kill_is_tripped(PyObject *op, PyObject *args);
PyObject *kill_why(PyObject *op, PyObject *unused);
PyObject *kill_tripped(PyObject *op, PyObject *unused);
PyObject *kill_notes(PyObject *op, PyObject *unused);
PyObject *kill_seen(PyObject *op, PyObject *unused);
PyObject *kill_active(PyObject *op, void *unused);
PyObject *kill_file(PyObject *op, PyObject *unused);
PyObject *kill_judge(PyObject *op, PyObject *args);

#endif
