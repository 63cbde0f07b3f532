"""Generated bad input against the parts that read what strangers write.

`pytest tests/fuzz` spends a fixed budget on every target and replays `fuzz/corpus`; by hand and for longer:
`python -m fuzz json_texts --seconds 600`. An input that ever failed is kept as a file under `fuzz/corpus/TARGET/`.
"""
