/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A GTlsDatabase that finds every certificate to be of an unknown authority. With it
 * "accept-certificate" fires for every full handshake, so that the pin's judge is asked also about
 * certificates which the system would trust. */
#pragma once

#include <gio/gio.h>

#define P2P_TYPE_TRUST_DATABASE (p2p_trust_database_get_type ())
G_DECLARE_FINAL_TYPE (P2pTrustDatabase, p2p_trust_database, P2P, TRUST_DATABASE, GTlsDatabase)

GTlsDatabase *p2p_trust_database_new (void);
