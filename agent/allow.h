/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Which destinations the private side lets the daemon reach: AGENT_ALLOW and AGENT_DENY. Each entry
 * is
 *
 *   NAME, *.DOMAIN or NETWORK, then perhaps :PORT or :FIRST-LAST
 *
 * where NETWORK is an address with or without /BITS; IPv6 with a port stands in brackets:
 * [fd00::/8]:443. "*.example.com" is every name below example.com, not that name itself. IPv4 in
 * ::ffff:0:0/96 is IPv4; "::/0" is all of IPv6 and nothing of IPv4.
 *
 * AGENT_DENY wins. Without AGENT_ALLOW everything else may be reached but link-local and metadata
 * addresses; with it, what it lists: a network holds for every address in it, a name for that name
 * as it was asked for, and then only on addresses that are no loopback, unspecified, link-local or
 * metadata ones. So a name whose DNS somebody else commands opens no way into the machine itself.
 *
 * Immutable; any thread; nothing blocks. */
#pragma once

#include <glib.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct Allow Allow;

typedef enum
{
  ALLOW_YES,
  ALLOW_DENIED,   /* AGENT_DENY has it */
  ALLOW_UNLISTED, /* AGENT_ALLOW does not have it */
  ALLOW_METADATA, /* link-local or metadata, and there is no AGENT_ALLOW */
  ALLOW_BY_NAME,  /* AGENT_ALLOW has the name, which is not enough for this address */
} AllowVerdict;

/* Lists end with NULL and may be empty. On failure the error names the entry. */
Allow *allow_new (char *const *allow, char *const *deny, GError **error);
void allow_free (Allow *allow);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Allow, allow_free)

/* Before the name is resolved: whether any address at all could be good. ALLOW_YES, ALLOW_DENIED or
 * ALLOW_UNLISTED. */
AllowVerdict allow_judge_name (const Allow *allow, const char *host, uint16_t port);
/* One address that host, as it was asked for, stands for. */
AllowVerdict allow_judge_address (const Allow *allow,
                                  const char *host,
                                  uint16_t port,
                                  const struct sockaddr *address);

/* Static: for the log, the daemon's as well. */
const char *allow_verdict_text (AllowVerdict verdict);
/* A sentence for the log at the start; g_free (). */
char *allow_describe (const Allow *allow);
