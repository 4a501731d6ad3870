/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Asks for the address of a server; lists those used before. Main thread. */
#pragma once

#include <adwaita.h>

#include "gui/model/connector.h"

#define P2P_TYPE_CONNECT_PAGE (p2p_connect_page_get_type ())
G_DECLARE_FINAL_TYPE (P2pConnectPage, p2p_connect_page, P2P, CONNECT_PAGE, AdwBin)

P2pConnectPage *p2p_connect_page_new (P2pConnector *connector);
