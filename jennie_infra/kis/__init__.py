"""The broker's OpenAPI (KIS): codec, error table, token, request budget, client. Only kis-gateway uses it (R-GW-01)."""
