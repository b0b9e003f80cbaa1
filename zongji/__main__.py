"""`python -m zongji` is the same as `zongji`."""

from zongji.cli import main

main()
