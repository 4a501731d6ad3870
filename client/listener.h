/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A public listener. States: stopped, running, error. Main thread. */
#pragma once

#include "client/resource.h"

#define P2P_TYPE_LISTENER (p2p_listener_get_type ())
G_DECLARE_FINAL_TYPE (P2pListener, p2p_listener, P2P, LISTENER, P2pResource)

const char *p2p_listener_get_protocol (P2pListener *self);
const char *p2p_listener_get_bind_address (P2pListener *self); /* "" for all addresses */

/* The port it has while it runs, else the one that is wished; 0 when the kernel chooses. */
int p2p_listener_get_port (P2pListener *self);
