/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A target of a route. States: unknown, healthy, unhealthy, disabled, disconnected. Main thread. */
#pragma once

#include "client/resource.h"

#define P2P_TYPE_TARGET (p2p_target_get_type ())
G_DECLARE_FINAL_TYPE (P2pTarget, p2p_target, P2P, TARGET, P2pResource)

bool p2p_target_is_static (P2pTarget *self);
bool p2p_target_is_by_agent (P2pTarget *self);
const char *p2p_target_get_url (P2pTarget *self); /* "" for a static one */
int p2p_target_get_static_status (P2pTarget *self);
/* Labels that an agent must have: "zone=garage"; "" for any agent. */
const char *p2p_target_get_selector (P2pTarget *self);
int64_t p2p_target_get_active_requests (P2pTarget *self);
