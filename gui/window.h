/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The window: shows the page of the connector's state, and one server when signed in. Main thread.
 */
#pragma once

#include <adwaita.h>

#include "client/address.h"

#define P2P_TYPE_WINDOW (p2p_window_get_type ())
G_DECLARE_FINAL_TYPE (P2pWindow, p2p_window, P2P, WINDOW, AdwApplicationWindow)

P2pWindow *p2p_window_new (GtkApplication *app);

/* Leaves the server that is shown, if any. address (nullable): stays as it is. */
void p2p_window_connect (P2pWindow *self, const P2pAddress *address);
