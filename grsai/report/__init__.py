"""What a run made, in numbers, words and pictures."""
