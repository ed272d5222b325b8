/* The audit log as it lies on the disk. */
#include "trade/audit.h"

#include "py/module.h"

#include <string.h>

static PyObject *audit_verify(PyObject *module, PyObject *args, PyObject *kw)
{
    static char *names[] = {"log", NULL};
    uint64_t n, n_whole;
    Py_buffer log;

    (void)module;
    if (!PyArg_ParseTupleAndKeywords(args, kw, "y*:audit_verify", names, &log))
        return NULL;
    n = (uint64_t)log.len / sizeof(struct rl_audit_record);
    n_whole = 0;
    Py_BEGIN_ALLOW_THREADS
    /* One at a time through an aligned copy: bytes from Python may lie anywhere. */
    for (struct rl_audit_record before = {0}, record; n_whole < n; before = record, n_whole++) {
        memcpy(&record, (const char *)log.buf + n_whole * sizeof(record), sizeof(record));
        if (rl_audit_verify(&record, 1, before.number, before.crc) != 1)
            break;
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&log);
    return Py_BuildValue("KK", (unsigned long long)n, (unsigned long long)n_whole);
}

PyDoc_STRVAR(audit_verify_doc,
             "audit_verify($module, /, log)\n--\n\n"
             "(records in the log, records before the first that breaks the chain).");

PyMethodDef trade_functions[] = {
    {"audit_verify", RL_PY_KEYWORDS(audit_verify), audit_verify_doc},
    {NULL, NULL, 0, NULL},
};
