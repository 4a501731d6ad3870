/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* HTTP/1.1 messages: heads in fixed buffers and bodies as they pass, strict by RFC 9112: anything
 * ambiguous is refused. Nothing allocates, nothing blocks, nothing does I/O; spans point into the
 * caller's buffer. One thread at a time. */
#pragma once

#include "lib/span.h"

#include <netinet/in.h>

#define P2P_HTTP1_FIELDS_MAX 128

typedef enum
{
  P2P_HTTP1_OK,
  P2P_HTTP1_MORE,         /* the head is not complete yet */
  P2P_HTTP1_BAD,          /* malformed or ambiguous: 400 and close (of a response: 502) */
  P2P_HTTP1_TOO_LARGE,    /* 431 */
  P2P_HTTP1_VERSION,      /* 505: not HTTP/1.x */
} P2pHttp1;

typedef enum
{
  P2P_METHOD_OTHER,
  P2P_METHOD_GET,
  P2P_METHOD_HEAD,
  P2P_METHOD_POST,
  P2P_METHOD_PUT,
  P2P_METHOD_PATCH,
  P2P_METHOD_DELETE,
  P2P_METHOD_OPTIONS,
  P2P_METHOD_TRACE,
  P2P_METHOD_CONNECT,
} P2pMethod;

/* Fields that somebody asks about, told apart while parsing, so that no one compares names again.
 * One table: the enum, the name, and whether it is hop-by-hop (RFC 9110 section 7.6.1). */
typedef enum
{
  P2P_FIELD_OTHER,
#define P2P_HTTP1_FIELD(id, name, hop_by_hop) P2P_FIELD_##id,
#include "lib/http1-fields.inc"
#undef P2P_HTTP1_FIELD
  P2P_FIELD_N
} P2pFieldId;

typedef struct
{
  P2pSpan name;  /* as received */
  P2pSpan value; /* without surrounding white space */
  P2pFieldId id;
  /* Not to be forwarded: by the table, named in Connection, Expect in HTTP/1.0, or a name of the
   * table (or "x-forwarded…") spelled with '_' or '.', which some origins take for '-'; such a
   * field has P2P_FIELD_OTHER. */
  bool hop_by_hop;
} P2pField;

typedef enum
{
  P2P_BODY_NONE,
  P2P_BODY_LENGTH,
  P2P_BODY_CHUNKED,
  P2P_BODY_UNTIL_CLOSE, /* responses only */
} P2pBodyKind;

typedef struct
{
  P2pField fields[P2P_HTTP1_FIELDS_MAX];
  unsigned n_fields;
  /* Index of the first field with that id, plus 1; 0: none. */
  uint8_t first[P2P_FIELD_N];
  unsigned minor; /* HTTP/1.minor: 0 or 1 */
  P2pBodyKind body;
  uint64_t
      content_length; /* P2P_BODY_LENGTH; also the announced one of an answer to HEAD or a 304 */
  bool has_content_length;
  bool keep_alive; /* what this message says: version and Connection */
  bool upgrade;    /* Connection: upgrade and an Upgrade field */
  P2pSpan reason_bad; /* static: which rule was broken, for logs and the error page */
} P2pMessage;

typedef struct
{
  P2pMessage msg;
  P2pMethod method_id;
  P2pSpan method;
  P2pSpan target; /* as received */
  /* The target in parts; authority is empty unless it was in absolute form (or CONNECT). Path
   * starts with "/" (or is "*"); query is without "?", and has_query tells an empty one from none.
   */
  P2pSpan authority, path, query;
  bool has_query;
  /* The one canonical host: of the absolute form (RFC 9112 section 3.2.2: Host is then ignored) or
   * of Host; lower-cased in place, without port, trailing dot or brackets (a colon tells an IPv6
   * address, which stands in address). Empty in HTTP/1.0 without Host only. */
  P2pSpan host;
  uint16_t port; /* 0: not given */
  bool expect_continue;
  char address[INET6_ADDRSTRLEN]; /* only where host points here: as inet_ntop () writes it */
} P2pRequestHead;

typedef struct
{
  P2pMessage msg;
  unsigned status; /* 100..999 */
  P2pSpan reason;
} P2pResponseHead;

/* Where the head in buf[0..n) ends: P2P_HTTP1_OK and *ret_size, its length with the empty line;
 * MORE; BAD as soon as it cannot become a head (a bare LF, a NUL, ...). *scanned (0 at first)
 * remembers how far it looked, so that each byte is looked at once. */
P2pHttp1 p2p_http1_find_end (const char *buf, size_t n, size_t *scanned, size_t *ret_size);

/* Parses a whole head, size bytes as p2p_http1_find_end () said; one empty line before it is
 * skipped. buf may be changed in place (host in lower case). After anything but OK only
 * msg.reason_bad means something. */
P2pHttp1 p2p_http1_parse_request (char *buf, size_t size, P2pRequestHead *ret_head);
/* request_method decides whether a body follows (HEAD, CONNECT). */
P2pHttp1 p2p_http1_parse_response (char *buf,
                                   size_t size,
                                   P2pMethod request_method,
                                   P2pResponseHead *ret_head);

/* What an origin may read in a path in another way than we: we compare bytes and change none. */
typedef struct
{
  bool bad; /* a bad percent sign, a control character, an overlong form: the others mean nothing
               then */
  bool separators; /* an encoded or doubled separator, or a "\" */
  bool dots;       /* a segment between separators of any spelling that is "." or ".." once decoded,
                      perhaps with parameters behind ";" */
} P2pPathFindings;
/* path: of a request head: "*", or it begins with "/". */
P2pPathFindings p2p_http1_judge_path (P2pSpan path);

/* First field with this id, or NULL. */
const P2pField *p2p_message_field (const P2pMessage *msg, P2pFieldId id);
/* First field with this name, case ignored, or NULL. */
const P2pField *p2p_message_field_by_name (const P2pMessage *msg, P2pSpan name);
/* Whether a comma-separated list field, over all its lines, has this token (case ignored). */
bool p2p_message_has_token (const P2pMessage *msg, P2pFieldId id, P2pSpan token);

/* A static reason phrase for a status code, or an empty span. */
P2pSpan p2p_http1_reason (unsigned status);

/* Body reader: told the bytes as they come, answers which of them are content. */
typedef struct
{
  P2pBodyKind kind;
  uint64_t left;      /* of the length, or of the chunk */
  uint64_t total;     /* content bytes so far */
  uint64_t
      line_bytes; /* of chunk header lines and trailers, less what came with the data: bounded */
  uint8_t state;
  bool finished;      /* the body is complete (UNTIL_CLOSE: never by itself) */
  uint8_t n_digits;   /* of the chunk size */
  uint8_t n_name;     /* of the trailer's name */
  char name[32];      /* its start, longer than any name that is looked for */
  size_t trailer_at;  /* where the next byte of a trailer line goes */
} P2pBody;

void p2p_body_init (P2pBody *body, P2pBodyKind kind, uint64_t content_length);

/* Looks at in. *ret_content becomes the next run of content bytes inside in (perhaps empty),
 * *ret_used how many bytes of in are dealt with, content included. P2P_HTTP1_OK (look at
 * body->finished; bytes beyond *ret_used belong to the next message), P2P_HTTP1_MORE (all used, no
 * content among them, more needed), P2P_HTTP1_BAD, P2P_HTTP1_TOO_LARGE. Call again with the rest
 * while it answers OK and is not finished. Chunk extensions are checked and dropped. trailers
 * (nullable) receives the trailer section, raw lines with CRLF; fields that RFC 9110 section 6.5.1
 * keeps out of trailers (routing, authentication, conditions, ...) are left out of it, framing
 * fields and Host are BAD, more than fits is TOO_LARGE. */
typedef struct
{
  char *buf;   /* (borrowed) */
  size_t size;
  size_t n;    /* out, when the body is finished: bytes of complete lines; 0 at first */
} P2pTrailers;
P2pHttp1 p2p_body_feed (P2pBody *body,
                        P2pSpan in,
                        P2pSpan *ret_content,
                        size_t *ret_used,
                        P2pTrailers *trailers);
