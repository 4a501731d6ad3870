/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The program: its actions, its one window, the command line. Main thread. */
#pragma once

#include <adwaita.h>

#define P2P_TYPE_APPLICATION (p2p_application_get_type ())
G_DECLARE_FINAL_TYPE (P2pApplication, p2p_application, P2P, APPLICATION, AdwApplication)

P2pApplication *p2p_application_new (void);
