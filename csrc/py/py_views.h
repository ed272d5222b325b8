/*
 * py_views - the views of books as an object of their own: it outlives the books that it shows.
 */
#ifndef RL_PY_VIEWS_H
#define RL_PY_VIEWS_H

#include "market/book/view.h"
#include "py/module.h"

/* Empty views of so many instruments, a new reference; NULL with an exception. */
PyObject *views_new(struct core_state *state, uint32_t n_instruments);

/* The views inside, which live as long as the object. */
struct rl_views *views_of(PyObject *op);

#endif
