"""The stages of the compiler: load, compose, resolve, render, plan. One pure module each."""
