/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* A scanner for one small flat JSON object (RFC 8259) from the network, on paths where json-glib
 * would allocate. Members whose value is an object or array are checked and passed over. Strict: no
 * duplicates of what the caller asks about are resolved here, no trailing bytes, depth at most 8.
 * No state, nothing allocates. */
#pragma once

#include "lib/span.h"

typedef enum
{
  P2P_JSON_STRING, /* raw: what stands between the quotes, escapes not resolved */
  P2P_JSON_NUMBER,
  P2P_JSON_TRUE,
  P2P_JSON_FALSE,
  P2P_JSON_NULL,
  P2P_JSON_COMPOUND, /* an object or array */
} P2pJsonKind;

typedef struct
{
  P2pSpan key; /* raw */
  P2pJsonKind kind;
  P2pSpan value; /* raw */
} P2pJsonMember;

typedef struct
{
  const char *at, *end;
  bool started, bad, finished;
} P2pJsonScan;

void p2p_json_scan_init (P2pJsonScan *scan, P2pSpan text);
/* The next member; false at the end, or when scan->bad. After the last one scan->finished says that
 * the whole text was one object. */
bool p2p_json_scan_next (P2pJsonScan *scan, P2pJsonMember *ret_member);

/* Resolves escapes into buf, NUL-terminated, as UTF-8. False: not a string, does not fit, a NUL, a
 * bad escape or a lone surrogate. */
bool p2p_json_unescape (const P2pJsonMember *member, char *buf, size_t size);

/* Prints text as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. Number of
 * bytes, or 0 when it does not fit. */
size_t p2p_json_print_string (char *buf, size_t size, const char *text);
