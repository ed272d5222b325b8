/*
 * py_port - the port inside an engine._core.Port, for whoever runs a loop over it.
 *
 * Threads:  borrowing and returning need the GIL; between them one loop may use the port without
 * it.
 */
#ifndef RL_PY_PY_PORT_H
#define RL_PY_PY_PORT_H

#include "net/port/port.h"
#include "py/module.h"

/*
 * The port of a _core.Port, or of an object whose attribute `core` is one (an engine.net.Port). It
 * is held and marked as in use until py_port_return: nobody can close it, send or receive through
 * it, or borrow it again meanwhile. NULL with a TypeError, ValueError (closed) or BufferError (in
 * use); *held is what py_port_return wants, NULL when nothing was borrowed.
 */
struct rl_port *py_port_borrow(PyObject *op, PyObject **held);

/* Gives back what was borrowed; harmless for NULL. */
void py_port_return(PyObject *held);

#endif
