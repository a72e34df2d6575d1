"""Flyte types and literals as plain JSON, and the YAML values people write for them.

A *type* is a `LiteralType` and a *literal* a `Literal`, both as the plain JSON that protobuf's
`MessageToDict` prints; that JSON is the same for `flyteidl` and `flyteidl2`. A *value* is what a
person writes in YAML. Everything here is pure and needs neither grpc nor protobuf: `encode` turns
values into literals, `decode` turns them back, `canonical` makes equal what means the same, `cast`
repeats Flyte 1's own type check, and `interface` binds the inputs of a plan or trigger.
"""
