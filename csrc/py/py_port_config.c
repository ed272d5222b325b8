/* The keyword arguments of a Port as the config that C opens. */
#include "py/py_port_config.h"

#include "market/fix/parse.h"
#include "net/netns.h"
#include "net/port/port_probe.h"

#include <stdio.h>
#include <string.h>

/* The index of `text` among n names; -1 with a ValueError. */
static int choice_get(const char *what, const char *text, const char *const *names, int n)
{
    for (int i = 0; i < n; i++) {
        if (strcmp(text, names[i]) == 0)
            return i;
    }
    PyErr_Format(PyExc_ValueError, "%s: no such one: %s", what, text);
    return -1;
}

static int address_get(const char *what, const char *text, struct rl_address *a)
{
    if (text && rl_address_read(a, text) != 0) {
        PyErr_Format(PyExc_ValueError, "%s: not an address: %s", what, text);
        return -1;
    }
    return 0;
}

int py_flow_get(PyObject *tuple, struct rl_flow *flow)
{
    const char *from_mac, *to_mac;
    Py_ssize_t n_from, n_to;
    unsigned int from_port, to_port, vlan;
    int has_checksum;

    if (!PyArg_ParseTuple(tuple, "y#y#IIIIIbp:flow", &from_mac, &n_from, &to_mac, &n_to,
                          &flow->from_ip, &flow->to_ip, &from_port, &to_port, &vlan, &flow->ttl,
                          &has_checksum))
        return -1;
    if (n_from != 6 || n_to != 6 || from_port > UINT16_MAX || to_port > UINT16_MAX || vlan > 4094) {
        PyErr_SetString(PyExc_ValueError, "flow: MACs have 6 bytes, ports end at 65535, VLANs at "
                                          "4094");
        return -1;
    }
    memcpy(flow->from_mac, from_mac, 6);
    memcpy(flow->to_mac, to_mac, 6);
    flow->from_port = (uint16_t)from_port;
    flow->to_port = (uint16_t)to_port;
    flow->vlan = (uint16_t)vlan;
    flow->has_checksum = has_checksum;
    return 0;
}

/* (MAC, IP, group, port, VLAN, whether the UDP checksum is verified); port 0: what answers */
static int hears_get(PyObject *tuple, struct rl_flow_filter *hears)
{
    const char *mac;
    Py_ssize_t n_mac;
    unsigned int port, vlan;
    int verifies;

    if (!PyArg_ParseTuple(tuple, "y#IIIIp:hears", &mac, &n_mac, &hears->ip, &hears->group, &port,
                          &vlan, &verifies))
        return -1;
    if (n_mac != 6 || port > UINT16_MAX || vlan > 4094) {
        PyErr_SetString(PyExc_ValueError, "hears: a MAC has 6 bytes, ports end at 65535, VLANs at "
                                          "4094");
        return -1;
    }
    memcpy(hears->mac, mac, 6);
    hears->port = (uint16_t)port;
    hears->vlan = (uint16_t)vlan;
    hears->verifies_checksum = verifies;
    return 0;
}

int py_interface_get(const char *name, char interface[16])
{
    if (strlen(name) > 15) {
        PyErr_Format(PyExc_ValueError, "interface: too long for a name: %s", name);
        return -1;
    }
    memcpy(interface, name, strlen(name) + 1);
    return 0;
}

int py_netns_open(PyObject *module, PyObject *path, int *fd)
{
    char why[256];

    *fd = -1;
    if (!path)
        return 0;
    *fd = rl_netns_open(PyBytes_AsString(path));
    if (*fd >= 0)
        return 0;
    snprintf(why, sizeof why, "%s: %s", PyBytes_AsString(path), strerror(-*fd));
    core_raise(module, *fd, why);
    return -1;
}

#define TEXT_OF(name, text) text,
static const char *const backend_names[] = {RL_BACKENDS(TEXT_OF)};
static const char *const wait_names[] = {RL_WAITS(TEXT_OF)};
static const char *const accel_names[] = {RL_ACCELS(TEXT_OF)};
static const char *const xdp_mode_names[] = {RL_XDP_MODES(TEXT_OF)};
#undef TEXT_OF

/* What is said in words, as the numbers that C takes; -1 with an exception. */
static int words_get(struct rl_port_config *c, const char *backend, const char *wait,
                     const char *accel, const char *xdp_mode)
{
    int b = choice_get("backend", backend, backend_names, RL_COUNT(backend_names));
    int w = b < 0 ? -1 : choice_get("wait", wait, wait_names, RL_COUNT(wait_names));
    int a = w < 0 ? -1 : choice_get("accel", accel, accel_names, RL_COUNT(accel_names));
    int m = a < 0 ? -1 : choice_get("xdp_mode", xdp_mode, xdp_mode_names, RL_COUNT(xdp_mode_names));

    if (m < 0)
        return -1;
    c->backend = (enum rl_backend)b;
    c->wait = (enum rl_wait)w;
    c->accel = (enum rl_accel)a;
    c->xdp_mode = (enum rl_xdp_mode)m;
    return 0;
}

/* FIX messages, by their BodyLength; rubbish up to what looks like the next one. */
static uint32_t cut_fix(const uint8_t *bytes, uint32_t n_bytes, uint32_t n_max)
{
    uint32_t n = 0;

    if (rl_fix_frame(bytes, n_bytes, &n) == RL_FIX_PARTIAL)
        return n_bytes < n_max ? 0 : n_max; /* longer than any that is taken here */
    return n < n_max ? n : n_max;
}

int py_port_config_get(PyObject *args, PyObject *kw, struct rl_port_config *c, PyObject **netns,
                       PyObject **impair)
{
    static char *names[] = {
        "backend",       "netns",     "wait",      "wants_stamps", "n_slots",
        "n_bytes_frame", "accel",     "local",     "peer",         "multicast_interface",
        "is_listener",   "interface", "is_framed", "flow",         "hears",
        "queue",         "xdp_mode",  "impair",    "speaks_fix",   NULL};
    const char *backend, *wait, *accel, *local, *peer, *multicast, *interface, *xdp_mode;
    int wants_stamps, is_listener, is_framed, speaks_fix;
    PyObject *flow, *hears;

    if (!PyArg_ParseTupleAndKeywords(
            args, kw, "$sO&spIIszzzpspO!O!IsOp:Port", names, &backend, core_path_get, netns, &wait,
            &wants_stamps, &c->n_slots, &c->n_bytes_frame, &accel, &local, &peer, &multicast,
            &is_listener, &interface, &is_framed, &PyTuple_Type, &flow, &PyTuple_Type, &hears,
            &c->queue, &xdp_mode, impair, &speaks_fix))
        return -1;
    if (words_get(c, backend, wait, accel, xdp_mode) < 0 ||
        address_get("local", local, &c->local) < 0 || address_get("peer", peer, &c->peer) < 0 ||
        address_get("multicast_interface", multicast, &c->multicast_interface) < 0 ||
        py_flow_get(flow, &c->flow) < 0 || hears_get(hears, &c->hears) < 0 ||
        py_interface_get(interface, c->interface) < 0)
        return -1;
    c->wants_stamps = wants_stamps;
    c->is_listener = is_listener;
    c->is_framed = is_framed;
    c->cut = speaks_fix ? cut_fix : NULL;
    return 0;
}

static PyObject *backend_probe(PyObject *module, PyObject *name)
{
    char mode[48] = "", why[RL_PORT_WHY] = "";
    enum rl_backend backend;
    const char *text;
    int err;

    (void)module;
    text = PyUnicode_AsUTF8AndSize(name, NULL);
    if (!text)
        return NULL;
    if (!rl_backend_read(&backend, text))
        return PyErr_Format(PyExc_ValueError, "backend: no such one: %s", text);
    Py_BEGIN_ALLOW_THREADS
    err = rl_backend_probe(backend, mode, why);
    Py_END_ALLOW_THREADS
    return Py_BuildValue("Nss", PyBool_FromLong(err == 0), mode, why);
}

PyMethodDef port_config_functions[] = {
    {"backend_probe", backend_probe, METH_O,
     "backend_probe($module, name, /)\n--\n\n(possible, mode, why not), without an interface."},
    {NULL, NULL, 0, NULL},
};
