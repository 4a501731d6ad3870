/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The servers that a person has used: ${XDG_CONFIG_HOME}/p2pstream/profiles.json, shared by the
 * desktop client and the command line, so that a server trusted in one is trusted in the other. A
 * GListModel of P2pProfile, the one used last first. The file is small and local, so it is read and
 * written at once. Main thread. */
#pragma once

#include <gio/gio.h>

#include "client/profile.h"

#define P2P_TYPE_PROFILES (p2p_profiles_get_type ())
G_DECLARE_FINAL_TYPE (P2pProfiles, p2p_profiles, P2P, PROFILES, GObject)

/* path NULL: the person's own file. Nothing is read yet. */
P2pProfiles *p2p_profiles_new (const char *path);

/* Reads the file again; none is an empty list. On failure the list stays as it was. */
bool p2p_profiles_load (P2pProfiles *self, GError **error);

/* Borrowed; NULL when the server is not there. */
P2pProfile *p2p_profiles_find (P2pProfiles *self, const P2pAddress *address);

/* Puts profile first, in place of an older one of the same server, and writes the file. What
 * another program wrote meanwhile is kept. */
bool p2p_profiles_save (P2pProfiles *self, P2pProfile *profile, GError **error);
bool p2p_profiles_remove (P2pProfiles *self, const P2pAddress *address, GError **error);
