/*
 * py_impair - the table of faults inside an engine._core.Impair, for a port that asks it.
 */
#ifndef RL_PY_IMPAIR_H
#define RL_PY_IMPAIR_H

#include "py/module.h"

struct rl_impair;

/* The table of an _core.Impair, which cannot be closed until it is returned; NULL with an
 * exception. The caller keeps a reference. */
const struct rl_impair *py_impair_borrow(PyObject *op);
/* Harmless for NULL. */
void py_impair_return(PyObject *op);

#endif
