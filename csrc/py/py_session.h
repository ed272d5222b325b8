/*
 * py_session - a FIX session with its store in memory inside an engine._core.FixSession, and what
 * its files share.
 */
#ifndef RL_PY_SESSION_H
#define RL_PY_SESSION_H

#include "py/module.h"
#include "session/fix_session.h"

struct py_session {
    PyObject_HEAD
    struct rl_arena arena; /* base is NULL: not opened */
    struct rl_fix_session session;
    struct rl_memory_store store;
    PyObject *dictionary; /* keeps the tables that the session validates with; NULL: none */
    Py_buffer message;    /* of the last MESSAGE, while the session may look at it; obj is NULL */
    uint64_t now_utc_ns;  /* of the last step: time goes on only */
    bool is_delivered;    /* the last action was DELIVER: the application may answer */
};

static inline struct py_session *py_session_of(PyObject *op)
{
    return (struct py_session *)op;
}

/* The session inside an object whose type may be another; NULL with a TypeError. */
struct py_session *py_session_cast(PyObject *op);

/* One event each (py_session_step.c): a list of actions, or an exception. */
extern PyMethodDef session_methods[];

/* The type of acceptors (py_session_acceptor.c); functions are in session_functions. */
extern PyType_Spec fix_session_spec, fix_acceptor_spec;

#endif
