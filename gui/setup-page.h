/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Makes the first administrator of a new server, within the time that the server gives for it. Main
 * thread. */
#pragma once

#include <adwaita.h>

#include "gui/model/connector.h"

#define P2P_TYPE_SETUP_PAGE (p2p_setup_page_get_type ())
G_DECLARE_FINAL_TYPE (P2pSetupPage, p2p_setup_page, P2P, SETUP_PAGE, AdwBin)

P2pSetupPage *p2p_setup_page_new (P2pConnector *connector);
