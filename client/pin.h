/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A pin is the SHA-256 of the one certificate (DER) that a person has trusted for a server; and the
 * judge of every connection: pin, host name or address, dates. No certificate authority has a say.
 * Any thread; no state. */
#pragma once

#include <gio/gio.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/address.h"

typedef struct
{
  uint8_t sha256[32];
} P2pPin;

/* 64 hexadecimal digits, colons and blanks between them allowed. */
bool p2p_pin_parse (const char *text, P2pPin *ret_pin);
bool p2p_pin_equal (const P2pPin *a, const P2pPin *b);

/* "64 hex digits in lower case"; caller owns. This is what the file of profiles holds. */
char *p2p_pin_dup_hex (const P2pPin *pin);

/* For eyes: upper case, bytes apart by colons, eight bytes a line, as openssl prints them. Caller
 * owns. */
char *p2p_pin_dup_groups (const P2pPin *pin);

void p2p_pin_of_certificate (GTlsCertificate *certificate, P2pPin *ret_pin);

/* Why a certificate is not good for a connection; 0 when it is. */
typedef enum
{
  P2P_DOUBT_UNPINNED = 1 << 0, /* nobody has trusted a certificate of this server yet */
  P2P_DOUBT_CHANGED = 1 << 1,  /* another certificate than the pinned one */
  P2P_DOUBT_NAME = 1 << 2,     /* does not name the host or address */
  P2P_DOUBT_EARLY = 1 << 3,
  P2P_DOUBT_EXPIRED = 1 << 4,
} P2pDoubt;

/* These stay when a person trusts the certificate: it cannot be used however much it is wished. */
#define P2P_DOUBT_LASTING (P2P_DOUBT_NAME | P2P_DOUBT_EARLY | P2P_DOUBT_EXPIRED)

/* pin (nullable). now_s: seconds since 1970. */
P2pDoubt p2p_pin_judge (const P2pPin     *pin,
                        GTlsCertificate  *certificate,
                        const P2pAddress *address,
                        int64_t           now_s);

/* One translated sentence about the gravest doubt; caller owns. */
char *p2p_doubt_dup_text (P2pDoubt doubt, const P2pAddress *address);
