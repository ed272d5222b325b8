/*
 * py_port_config - what Python says about a port to open, as C takes it.
 */
#ifndef RL_PY_PORT_CONFIG_H
#define RL_PY_PORT_CONFIG_H

#include "net/port/port_open.h"
#include "py/module.h"

/*
 * The keyword arguments of engine._core.Port; -1 with an exception. *netns is the caller's from
 * then on, also after a failure: a path as bytes, or NULL. *impair is borrowed.
 */
int py_port_config_get(PyObject *args, PyObject *kw, struct rl_port_config *c, PyObject **netns,
                       PyObject **impair);

/* (from MAC, to MAC, from IP, to IP, from port, to port, VLAN, TTL, whether with a checksum) */
int py_flow_get(PyObject *tuple, struct rl_flow *flow);
int py_interface_get(const char *name, char interface[16]);
/* *fd is of the namespace at `path`, bytes, or -1 for NULL; -1 with an exception. */
int py_netns_open(PyObject *module, PyObject *path, int *fd);

#endif
