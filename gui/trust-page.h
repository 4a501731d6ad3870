/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Shows the certificate of a server that is not trusted (any more) and lets a person decide.
 * Refusing is what Enter and Escape do. Main thread. */
#pragma once

#include <adwaita.h>

#include "gui/model/connector.h"

#define P2P_TYPE_TRUST_PAGE (p2p_trust_page_get_type ())
G_DECLARE_FINAL_TYPE (P2pTrustPage, p2p_trust_page, P2P, TRUST_PAGE, AdwBin)

P2pTrustPage *p2p_trust_page_new (P2pConnector *connector);
