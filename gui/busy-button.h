/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A button that shows a spinner while what it started is under way. Main thread. */
#pragma once

#include <gtk/gtk.h>
#include <stdbool.h>

#define P2P_TYPE_BUSY_BUTTON (p2p_busy_button_get_type ())
G_DECLARE_FINAL_TYPE (P2pBusyButton, p2p_busy_button, P2P, BUSY_BUTTON, GtkButton)

void p2p_busy_button_set_busy (P2pBusyButton *self, bool busy);
