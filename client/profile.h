/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A server that a person has used, with the certificate trusted for it. Main thread. */
#pragma once

#include <glib-object.h>
#include <json-glib/json-glib.h>

#include "client/address.h"
#include "client/pin.h"

#define P2P_TYPE_PROFILE (p2p_profile_get_type ())
G_DECLARE_FINAL_TYPE (P2pProfile, p2p_profile, P2P, PROFILE, GObject)

P2pProfile *p2p_profile_new (const P2pAddress *address);

/* NULL when members name no server. Members that this version does not know are kept. */
P2pProfile *p2p_profile_new_from_json (JsonObject *members);
JsonObject *p2p_profile_to_json (P2pProfile *self);

const P2pAddress *p2p_profile_get_address (P2pProfile *self);
const char *p2p_profile_get_name (P2pProfile *self);     /* the host until a person gives another */
const char *p2p_profile_get_username (P2pProfile *self); /* "" before the first sign-in */
void p2p_profile_set_username (P2pProfile *self, const char *username);
const P2pPin *p2p_profile_get_pin (P2pProfile *self); /* (nullable) */
void p2p_profile_set_pin (P2pProfile *self, const P2pPin *pin);
