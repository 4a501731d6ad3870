/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* The way from an address to a signed-in client: certificate, pin, first set-up or sign-in. It
 * holds the rules; pages show its state and call its verbs. Main thread. */
#pragma once

#include <gio/gio.h>

#include "client/calls.h"
#include "client/certificate.h"
#include "client/client.h"
#include "client/profiles.h"

typedef enum
{
  P2P_CONNECTOR_IDLE,      /* no server chosen */
  P2P_CONNECTOR_UNTRUSTED, /* a certificate waits for a person's judgement */
  P2P_CONNECTOR_SETUP,     /* the server has no administrator yet */
  P2P_CONNECTOR_LOGIN,
  P2P_CONNECTOR_READY,     /* signed in */
} P2pConnectorState;

#define P2P_TYPE_CONNECTOR (p2p_connector_get_type ())
G_DECLARE_FINAL_TYPE (P2pConnector, p2p_connector, P2P, CONNECTOR, GObject)

/* Signals: "changed" when state, busy or the error is another one; "notice" (text) for what a
 * person should know but what stops nothing. */
P2pConnector *p2p_connector_new (P2pProfiles *profiles);

P2pConnectorState p2p_connector_get_state (P2pConnector *self);
bool p2p_connector_get_busy (P2pConnector *self);
const char *p2p_connector_get_error (
    P2pConnector *self); /* (nullable) of the last verb, for the page it was on */

P2pProfiles *p2p_connector_get_profiles (P2pConnector *self);
P2pProfile *p2p_connector_get_profile (P2pConnector *self);         /* (nullable) not in IDLE */
P2pClient *p2p_connector_get_client (P2pConnector *self); /* (nullable) not in IDLE and UNTRUSTED */
P2pCertificate *p2p_connector_get_certificate (P2pConnector *self); /* (nullable) in UNTRUSTED */
const P2pUser *p2p_connector_get_user (P2pConnector *self);         /* (nullable) in READY */
int64_t p2p_connector_get_setup_over_at_us (
    P2pConnector *self); /* in SETUP: monotonic, when its time is over */

/* Verbs. A new one cancels the one before. */
void p2p_connector_connect (P2pConnector *self, const P2pAddress *address);
void p2p_connector_trust (P2pConnector *self);
void p2p_connector_check_setup (P2pConnector *self);
void p2p_connector_set_up (P2pConnector *self,
                           const char *setup_token,
                           const char *username,
                           const char *password);
void p2p_connector_log_in (P2pConnector *self, const char *username, const char *password);
/* Ends the session at the server and forgets the token. */
void p2p_connector_sign_out (P2pConnector *self);
/* Back to the address; the session stays for the next time. */
void p2p_connector_disconnect (P2pConnector *self);

/* What the running window found out: the session is over; the server shows another certificate. */
void p2p_connector_session_ended (P2pConnector *self);
void p2p_connector_distrust (P2pConnector *self);
