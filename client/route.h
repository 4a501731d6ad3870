/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A route with its targets. The API gives it no state of its own; here it is made of the targets':
 * disabled, redirect, empty (no enabled target), healthy, degraded (some targets fail), unhealthy
 * (all do), unknown. Main thread. */
#pragma once

#include <gio/gio.h>

#include "client/resource.h"

#define P2P_TYPE_ROUTE (p2p_route_get_type ())
G_DECLARE_FINAL_TYPE (P2pRoute, p2p_route, P2P, ROUTE, P2pResource)

int64_t p2p_route_get_listener_id (P2pRoute *self);
int64_t p2p_route_get_priority (P2pRoute *self);
bool p2p_route_is_default (P2pRoute *self);
bool p2p_route_is_redirect (P2pRoute *self);
const char *p2p_route_get_host_pattern (P2pRoute *self); /* "" for any host */
const char *p2p_route_get_path_prefix (P2pRoute *self);
const char *p2p_route_get_redirect_target (P2pRoute *self);

/* P2pTarget objects, kept by id through every change; borrowed. */
GListModel *p2p_route_get_targets (P2pRoute *self);
