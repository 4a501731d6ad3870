/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Signs in to a server that has an administrator. Main thread. */
#pragma once

#include <adwaita.h>

#include "gui/model/connector.h"

#define P2P_TYPE_LOGIN_PAGE (p2p_login_page_get_type ())
G_DECLARE_FINAL_TYPE (P2pLoginPage, p2p_login_page, P2P, LOGIN_PAGE, AdwBin)

P2pLoginPage *p2p_login_page_new (P2pConnector *connector);
