/*
 * py_port_inner - what the two files of Port share: py_port.c is the type and what changes it,
 * py_port_ask.c what only looks.
 */
#ifndef RL_PY_PORT_INNER_H
#define RL_PY_PORT_INNER_H

#include "base/mem.h"
#include "net/port/port_shm.h"
#include "py/py_port.h"

/* Both ends, in an arena that goes with the last of them. */
struct py_cable {
    struct rl_arena arena;
    struct rl_cable cable;
    int n_ends;
};

struct py_port {
    PyObject_HEAD
    struct rl_port *port;   /* NULL once closed */
    struct py_cable *cable; /* NULL: opened alone */
    PyObject *impair;       /* what its XDP program asks; NULL: nothing */
    bool is_in_use;         /* by a loop, or by a method of another Python thread */
};

static inline struct py_port *py_port_self(PyObject *op)
{
    return (struct py_port *)op;
}

PyObject *py_port_stats(PyObject *op, PyObject *unused);
PyObject *py_port_caps(PyObject *op, PyObject *unused);
PyObject *py_port_reasons(PyObject *op, PyObject *unused);
PyObject *py_port_local(PyObject *op, void *unused);
PyObject *py_port_in_use(PyObject *op, void *unused);

#endif
