/*
 * dict - the FIX dictionary inside an engine._core.Dictionary, for the functions that validate.
 */
#ifndef RL_PY_DICT_H
#define RL_PY_DICT_H

#include "market/fix/dict.h"
#include "py/module.h"

/*
 * The dictionary of a _core.Dictionary, or of an object whose attribute `core` is one (an
 * engine.market.Dictionary); it lives as long as that object. NULL with a TypeError or ValueError.
 */
const struct rl_fix_dict *dict_of(PyObject *op);

#endif
