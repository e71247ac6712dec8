"""What any module may use: it knows neither data nor networks."""
