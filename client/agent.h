/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* An agent. States: connected, degraded, offline. Main thread. */
#pragma once

#include "client/resource.h"

#define P2P_TYPE_AGENT (p2p_agent_get_type ())
G_DECLARE_FINAL_TYPE (P2pAgent, p2p_agent, P2P, AGENT, P2pResource)

const char *p2p_agent_get_public_id (P2pAgent *self);
const char *p2p_agent_get_address (P2pAgent *self); /* "" while unknown */
const char *p2p_agent_get_version (P2pAgent *self); /* of its program; "" while unknown */
bool p2p_agent_get_version_mismatch (P2pAgent *self);
int64_t p2p_agent_get_active_requests (P2pAgent *self);
double p2p_agent_get_round_trip_ms (P2pAgent *self); /* negative while unknown */
const char *p2p_agent_get_connected_at (P2pAgent *self);    /* RFC 3339; "" for never */
const char *p2p_agent_get_disconnected_at (P2pAgent *self); /* RFC 3339; "" for never */
/* "zone=garage, disk=ssd"; "" without labels. */
const char *p2p_agent_get_labels (P2pAgent *self);
