/*
 * py_layout - C structs as numpy dtypes: (bytes, [(name, format, offset)]), made from the lists
 * that declare them, so that a dtype cannot say something else than the C code.
 */
#ifndef RL_PY_LAYOUT_H
#define RL_PY_LAYOUT_H

#include "py/module.h"

/* Appends a member to the list unless it is there; -1 with an exception. */
static inline int py_layout_add(PyObject *list, const char *name, const char *format, size_t offset)
{
    PyObject *member = Py_BuildValue("(ssn)", name, format, (Py_ssize_t)offset);
    int is_there = member ? PySequence_Contains(list, member) : -1;
    int err = is_there != 0 ? is_there : PyList_Append(list, member);

    Py_XDECREF(member);
    return err < 0 ? -1 : 0;
}

#endif
