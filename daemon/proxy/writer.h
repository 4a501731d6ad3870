/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Copyright (C) 2026 The p2pstream developers */
/* Writer: text appended to a fixed buffer; overflow is sticky and asked once at the end. One
 * thread. */
#pragma once

#include "lib/span.h"

typedef struct
{
  char *buf; /* (borrowed) */
  size_t size;
  size_t n;
  bool overflow;
} Writer;

static inline void
writer_init (Writer *writer, char *buf, size_t size)
{
  *writer = (Writer){ .buf = buf, .size = size };
}

static inline void
writer_put (Writer *writer, P2pSpan text)
{
  if (text.n > writer->size - writer->n)
    {
      writer->overflow = true;
      return;
    }
  if (text.n > 0)
    memcpy (writer->buf + writer->n, text.p, text.n);
  writer->n += text.n;
}

#define WRITER_PUT(writer, literal) writer_put ((writer), P2P_SPAN (literal))

static inline void
writer_put_u64 (Writer *writer, uint64_t value)
{
  char digits[20];
  size_t at = sizeof digits;

  do
    digits[--at] = (char) ('0' + value % 10);
  while ((value /= 10) > 0);
  writer_put (writer, (P2pSpan){ digits + at, sizeof digits - at });
}

/* "name: value\r\n" */
static inline void
writer_put_field (Writer *writer, P2pSpan name, P2pSpan value)
{
  writer_put (writer, name);
  WRITER_PUT (writer, ": ");
  writer_put (writer, value);
  WRITER_PUT (writer, "\r\n");
}

static inline P2pSpan
writer_get_span (const Writer *writer)
{
  return (P2pSpan){ writer->buf, writer->n };
}
