/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* What a server showed, in the words that a person decides on. Immutable; any thread. */
#pragma once

#include <gio/gio.h>

#include "client/address.h"
#include "client/pin.h"

#define P2P_TYPE_CERTIFICATE (p2p_certificate_get_type ())
G_DECLARE_FINAL_TYPE (P2pCertificate, p2p_certificate, P2P, CERTIFICATE, GObject)

/* Reads all it needs; keeps no reference to certificate. */
P2pCertificate *p2p_certificate_new (GTlsCertificate *certificate, const P2pAddress *address);

const P2pAddress *p2p_certificate_get_address (P2pCertificate *self);
const P2pPin *p2p_certificate_get_pin (P2pCertificate *self);
const char *p2p_certificate_get_subject (P2pCertificate *self);
const char *p2p_certificate_get_issuer (P2pCertificate *self);
bool p2p_certificate_is_self_signed (P2pCertificate *self);
GDateTime *p2p_certificate_get_not_before (P2pCertificate *self); /* (nullable) */
GDateTime *p2p_certificate_get_not_after (P2pCertificate *self);  /* (nullable) */

/* Host names and addresses it is made for, ended by NULL. */
const char *const *p2p_certificate_get_names (P2pCertificate *self);

/* As of now, against the address it was shown for. */
P2pDoubt p2p_certificate_judge (P2pCertificate *self, const P2pPin *pin);
